import com.sun.nio.sctp.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Echo over the JDK's SCTP: "server STYLE IP,IP PORT" and "client STYLE IP PORT COUNT"; STYLE is SctpChannel or SctpMultiChannel. */
public class Echo {
    public static void main(String[] args) throws Exception {
        String[] ips = args[2].split(",");
        InetSocketAddress at = new InetSocketAddress(ips[0], Integer.parseInt(args[3]));
        switch (args[0] + " " + args[1]) {
            case "server SctpChannel": server(at, ips); break;
            case "server SctpMultiChannel": manyServer(at, ips); break;
            case "client SctpChannel": client(at, Integer.parseInt(args[4])); break;
            case "client SctpMultiChannel": manyClient(at, Integer.parseInt(args[4])); break;
            default: throw new IllegalArgumentException(args[0] + " " + args[1]);
        }
    }

    static void server(InetSocketAddress at, String[] ips) throws Exception {
        SctpServerChannel listener = SctpServerChannel.open();
        listener.bind(at);
        for (int i = 1; i < ips.length; i++)
            listener.bindAddress(InetAddress.getByName(ips[i]));
        System.out.println("listening " + listener.getAllLocalAddresses());
        for (;;) {
            SctpChannel c = listener.accept();
            ByteBuffer b = ByteBuffer.allocateDirect(65536);
            for (MessageInfo m; (m = c.receive(b, null, null)) != null && m.bytes() >= 0; b.clear()) {
                b.flip();
                c.send(b, MessageInfo.createOutgoing(null, m.streamNumber()).payloadProtocolID(m.payloadProtocolID()));
            }
            c.close();
        }
    }

    static void client(InetSocketAddress at, int count) throws Exception {
        SctpChannel c = SctpChannel.open(at, 4, 4);
        System.out.println("association " + c.association() + " of " + c.getAllLocalAddresses() + " with " + c.getRemoteAddresses());
        for (int i = 0; i < count; i++)
            check(exchange(c, i), i);
        c.shutdown();
        System.out.println("echoed " + count);
    }

    static String exchange(SctpChannel c, int i) throws Exception {
        c.send(message(i), MessageInfo.createOutgoing(null, i % 4).payloadProtocolID(46));
        ByteBuffer b = ByteBuffer.allocateDirect(65536);
        MessageInfo m = c.receive(b, null, null);
        if (m.streamNumber() != i % 4 || m.payloadProtocolID() != 46 || !m.isComplete())
            throw new IllegalStateException("not what was sent: " + m);
        return text(b);
    }

    static void manyServer(InetSocketAddress at, String[] ips) throws Exception {
        SctpMultiChannel c = SctpMultiChannel.open();
        c.bind(at);
        for (int i = 1; i < ips.length; i++)
            c.bindAddress(InetAddress.getByName(ips[i]));
        System.out.println("listening " + c.getAllLocalAddresses());
        ByteBuffer b = ByteBuffer.allocateDirect(65536);
        for (MessageInfo m; (m = c.receive(b, null, null)) != null; b.clear()) {
            b.flip();
            c.send(b, MessageInfo.createOutgoing(m.association(), null, m.streamNumber()).payloadProtocolID(m.payloadProtocolID()));
        }
    }

    /** Half of the exchange goes over the association that is branched off. */
    static void manyClient(InetSocketAddress at, int count) throws Exception {
        SctpMultiChannel c = SctpMultiChannel.open();
        MessageInfo m = null;
        for (int i = 0; i < count / 2; i++) {
            c.send(message(i), MessageInfo.createOutgoing(at, 1));
            ByteBuffer b = ByteBuffer.allocateDirect(65536);
            m = c.receive(b, null, null);
            check(text(b), i);
        }
        System.out.println("associations " + c.associations() + ", of " + m.association() + " " + c.getRemoteAddresses(m.association()));
        SctpChannel one = c.branch(m.association());
        for (int i = count / 2; i < count; i++)
            check(exchange(one, i), i);
        one.shutdown();
        System.out.println("echoed " + count);
        c.close();
    }

    static ByteBuffer message(int i) {
        byte[] text = ("message " + i).getBytes(StandardCharsets.UTF_8);
        ByteBuffer b = ByteBuffer.allocateDirect(text.length);
        b.put(text).flip();
        return b;
    }

    static String text(ByteBuffer b) {
        b.flip();
        byte[] got = new byte[b.remaining()];
        b.get(got);
        return new String(got, StandardCharsets.UTF_8);
    }

    static void check(String got, int i) {
        if (!got.equals("message " + i))
            throw new IllegalStateException("want message " + i + ", got " + got);
    }
}
