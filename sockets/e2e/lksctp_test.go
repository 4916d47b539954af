package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// prefix names the style of sockets that an option asks for.
func prefix(style []string) string {
	if style == nil {
		return ""
	}
	return "one-to-one "
}

// sctpTests are sctp_test's modes: message sizes (-c, -m, -r), order (-o), streams (-M, -t), lifetimes (-O), both styles
// (-T), several addresses (-B) and sctp_connectx (-C), several sockets and associations at once (-L, -S, -a).
func sctpTests() (all []exchange) {
	server := with(linewise, "sctp_test", "-H", "SERVER", "-B", "SERVER2", "-P", "6000", "-l")
	client := with(linewise, "sctp_test", "-H", "CLIENT", "-B", "CLIENT2", "-P", "6010", "-p", "6000", "-s")
	add := func(name string, cutAfter int, server, client []string) {
		all = append(all, exchange{name: "sctp_test " + name, needs: []string{"sctp_test", "stdbuf"}, server: server, ready: "Server: Receiving|listen", client: client,
			outcome: outcome{says: `sendmsg`, agree: sameMessages}, cutAfter: cutAfter})
	}
	for _, style := range [][]string{nil, {"-T"}} {
		server, to := with(server, style...), slices.Concat(client, style, []string{"-h", "SERVER"})
		for size := range 7 {
			cutAfter, repeats := 100, "20"
			if size == 0 { // of one byte each: many go into a packet
				cutAfter, repeats = 2, "200"
			}
			add(fmt.Sprintf("%scase %d", prefix(style), size), cutAfter, server,
				with(to, "-c", fmt.Sprint(size), "-x", repeats, "-o", fmt.Sprint(size%4), "-M", "3", "-t", fmt.Sprint(size%2)))
		}
		add(prefix(style)+"random sizes up to 65515", 100, server, with(to, "-c", "6", "-m", "65515", "-r", "7", "-x", "10", "-o", "1"))
		add(prefix(style)+"one size", 100, server, with(to, "-c", "-5000", "-x", "20", "-o", "3", "-M", "9", "-O", "60000"))
		add(prefix(style)+"connectx", 100, server, slices.Concat(client, style, []string{"-C", "SERVER", "-C", "SERVER2", "-c", "4", "-x", "5"}))
	}
	for _, pattern := range []string{"0", "1"} {
		add("mixed, pattern "+pattern, 100, with(linewise, "sctp_test", "-H", "ANY", "-P", "6000", "-L", "2"),
			with(linewise, "sctp_test", "-H", "ANY", "-P", "6010", "-h", "SERVER", "-p", "6000", "-S", "2", "-x", "20", "-c", "2", "-a", pattern))
	}
	return all
}

var (
	sentSize = regexp.MustCompile(`sendmsg\(.*\)\s+(\d+) bytes`)
	gotSize  = regexp.MustCompile(`Data (\d+) bytes`)
)

// sameMessages tells whether sctp_test's server got each message that the client sent,
// whole, by their sizes.
func sameMessages(client, server string) bool {
	sizes := func(re *regexp.Regexp, text string) (all []string) {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all) // unordered ones overtake
		return all
	}
	return slices.Equal(sizes(sentSize, client), sizes(gotSize, server))
}

// sctpDarns are sctp_darn's modes: what it reads sent to who listens (-s, -l), to one address or several (-h, -c), in both
// styles (-t), waiting and not (-n), addresses added and removed (-B, -b), commands (-I), and endpoints that answer each
// other (-i), by select and by poll (--use-poll), with sizes of messages (-z) and buffers (-m).
func sctpDarns() (all []exchange) {
	server := with(linewise, "sctp_darn", "-H", "SERVER", "-B", "SERVER2", "-P", "6100", "-l")
	client := with(linewise, "sctp_darn", "-H", "CLIENT", "-B", "CLIENT2", "-P", "6101", "-p", "6100", "-s")
	add := func(name string, server, client []string, e exchange) {
		e.name, e.needs = "sctp_darn "+name, []string{"sctp_darn", "stdbuf"}
		e.server, e.client, e.ready, e.anyExit = server, client, "listening", true
		all = append(all, e)
	}
	lines := exchange{input: "one line\n", turn: "one line", rest: "another\na third\n", last: "the last\n", outcome: outcome{serverSays: `(?s)one line.*another.*a third`}}
	for _, style := range [][]string{nil, {"-t"}} {
		listens, sends := with(server, style...), slices.Concat(client, style, []string{"-h", "SERVER"})
		add(prefix(style)+"sends", listens, sends, lines)
		add(prefix(style)+"connectx", listens, slices.Concat(client, style, []string{"-c", "SERVER", "-c", "SERVER2"}), lines)
		add(prefix(style)+"address removed", listens, with(sends, "-b", "CLIENT"), lines)
		commands := exchange{
			input: "snd=10\nbindx-rem=CLIENT\nbindx-add=CLIENT\nprimary=SERVER2\nprimary\nrcvbuf=100000\nsndbuf\nnodelay=1\nmaxseg\nheartbeat=SERVER\n",
			turn:  `DATA\(10\)`, rest: "snd=20\nsnd=3000\n", last: "shutdown\n", later: "Successfully SHUTDOWN",
			outcome: outcome{serverSays: `(?s)DATA\(10\).*DATA\(20\).*DATA\(3000\)`},
		}
		add(prefix(style)+"commands", listens, with(sends, "-I"), commands)
		if style != nil { // the other style does not wait for its association, and fails
			add(prefix(style)+"commands, not waiting", listens, with(sends, "-I", "-n"), commands)
		}
	}
	for _, wait := range [][]string{nil, {"--use-poll"}} {
		endpoints := with(linewise, slices.Concat([]string{"sctp_darn", "-i", "3", "-m", "100000"}, wait)...)
		// The sender goes on until it has read that its association is up, and gives up then.
		add(strings.Join(append([]string{"endpoints"}, wait...), " "), with(endpoints, "-H", "SERVER", "-B", "SERVER2", "-P", "6100"),
			with(endpoints, "-H", "CLIENT", "-B", "CLIENT2", "-P", "6110", "-h", "SERVER", "-p", "6100", "-z", "3000"),
			exchange{outcome: outcome{says: "sent a message", agree: sameNumber}, cutAfter: 4})
	}
	return all
}

// sameNumber tells whether sctp_darn's server got as many messages as were sent.
func sameNumber(client, server string) bool {
	return strings.Count(client, "sent a message, msglen = 3000") == strings.Count(server, "DATA(3000)")
}
