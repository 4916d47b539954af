//go:build !amd64 || noasm

package sctpcore

func prefetchTag(*tagEntry)   {}
func prefetchSlot(**assoc)    {}
func prefetchInbound(*assoc)  {}
func prefetchOutbound(*assoc) {}
func prefetchTimers(*assoc)   {}
