#!/bin/sh
# peer.sh PROGRAM: builds the foreign peer, on usrsctp.
set -eu
cd "$(dirname "$0")/../interop/testdata/peer"
exec gcc -O2 -I. -Iusrsctp -o "$1" ./*.c usrsctp/*.c -lusrsctp -lpthread
