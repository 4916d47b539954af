//go:build !amd64 || noasm

package sctpcore

func prefetchTag(*tagEntry)   {}
func prefetchInbound(*assoc)  {}
func prefetchOutbound(*assoc) {}
func prefetchTimers(*assoc)   {}
