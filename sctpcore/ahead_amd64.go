//go:build !noasm

package sctpcore

// prefetchTag asks for an entry of the tag table.
//
//go:noescape
func prefetchTag(t *tagEntry)

// prefetchSlot asks for a slot.
//
//go:noescape
func prefetchSlot(s **assoc)

// prefetchInbound asks for what a packet with DATA needs of an association.
//
//go:noescape
func prefetchInbound(a *assoc)

// prefetchOutbound asks for what sending DATA, or a SACK for it, needs.
//
//go:noescape
func prefetchOutbound(a *assoc)

// prefetchTimers asks for what the timers of two paths need.
//
//go:noescape
func prefetchTimers(a *assoc)
