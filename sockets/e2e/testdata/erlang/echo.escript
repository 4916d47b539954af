#!/usr/bin/env escript
%% Echo over gen_sctp: "server STYLE IP,IP PORT", "client STYLE IP PORT COUNT"; STYLE is stream or seqpacket. Erlang
%% has no accept: a server of the stream style peels its associations off.
-mode(compile).
-include_lib("kernel/include/inet_sctp.hrl").

main(["server", Style, Ips, Port]) ->
    {ok, S} = open("seqpacket", [{port, list_to_integer(Port)} | [{ip, addr(Ip)} || Ip <- string:tokens(Ips, ",")]]),
    ok = gen_sctp:listen(S, true),
    io:format("listening~n"),
    serve(S, Style);
main(["client", Style, Ip, Port, Count]) ->
    {ok, S} = open(Style, []),
    {ok, A} = gen_sctp:connect(S, addr(Ip), list_to_integer(Port), []),
    #sctp_assoc_change{state = comm_up} = A,
    N = list_to_integer(Count),
    [exchange(S, A, I) || I <- lists:seq(1, N)],
    ok = ending(Style, S, A),
    io:format("echoed ~b~n", [N]),
    halt(0).

ending("stream", S, _) -> gen_sctp:close(S); %% SCTP_EOF is for the other style
ending("seqpacket", S, A) -> gen_sctp:eof(S, A).

open(Style, Opts) ->
    gen_sctp:open([binary, {active, false}, {type, list_to_atom(Style)}, {recbuf, 262144}, {sndbuf, 262144} | Opts]).

addr(Ip) -> {ok, A} = inet:parse_address(Ip), A.

exchange(S, A, I) ->
    M = iolist_to_binary(io_lib:format("message ~b", [I])),
    ok = gen_sctp:send(S, A, I rem 4, M),
    M = answer(S).

answer(S) ->
    case gen_sctp:recv(S, 20000) of
        {ok, {_, _, _, B}} when is_binary(B) -> B;
        {ok, _} -> answer(S)
    end.

serve(S, Style) ->
    case gen_sctp:recv(S) of
        {ok, {_, _, _, #sctp_assoc_change{state = comm_up, assoc_id = Id}}} when Style =:= "stream" ->
            {ok, P} = gen_sctp:peeloff(S, Id),
            serve(P, "peeled off");
        {ok, {_, _, [#sctp_sndrcvinfo{assoc_id = Id, stream = N}], B}} when is_binary(B) ->
            ok = gen_sctp:send(S, Id, N, B),
            serve(S, Style);
        {ok, _} -> serve(S, Style);
        {error, _} when Style =:= "peeled off" -> ok
    end.
