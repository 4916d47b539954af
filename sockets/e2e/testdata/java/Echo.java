import com.sun.nio.sctp.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/** Echo over the JDK's SCTP: "server IP,IP PORT" and "client IP PORT COUNT" with SctpChannel, "many-…" with SctpMultiChannel. */
public class Echo {
    public static void main(String[] args) throws Exception {
        String[] ips = args[1].split(",");
        InetSocketAddress at = new InetSocketAddress(ips[0], Integer.parseInt(args[2]));
        switch (args[0]) {
            case "server": server(at, ips); break;
            case "many-server": manyServer(at, ips); break;
            case "client": client(at, Integer.parseInt(args[3])); break;
            case "many-client": manyClient(at, Integer.parseInt(args[3])); break;
            default: throw new IllegalArgumentException(args[0]);
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

    static void manyClient(InetSocketAddress at, int count) throws Exception {
        SctpMultiChannel c = SctpMultiChannel.open();
        for (int i = 0; i < count; i++) {
            c.send(message(i), MessageInfo.createOutgoing(at, 1));
            ByteBuffer b = ByteBuffer.allocateDirect(65536);
            MessageInfo m = c.receive(b, null, null);
            check(text(b), i);
            if (i == 0) {
                Set<Association> all = c.associations();
                System.out.println("associations " + all.size() + " " + m.association());
                SctpChannel one = c.branch(m.association());
                check(exchange(one, i), i);
                one.shutdown();
            }
        }
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
