package demo

import (
	"errors"

	"github.com/trunkline-sctp/trunkline/nic/fault"
)

// cable is one network: a port of each side, both breakable. The ports under
// the faults belong to the rig, which closes them.
type cable struct{ a, b *fault.Port }

// end is what side a's or b's dataplane polls.
func (c *cable) end(side string) *fault.Port {
	if side == "a" {
		return c.a
	}
	return c.b
}

// unplug takes the link of both ends down, as pulling a cable does.
func (c *cable) unplug() error { return errors.Join(c.a.SetLink(false), c.b.SetLink(false)) }

// plug brings both links up.
func (c *cable) plug() error { return errors.Join(c.a.SetLink(true), c.b.SetLink(true)) }

// swallow makes everything vanish both ways; the links stay up.
func (c *cable) swallow() error {
	c.a.Blackhole(fault.Both)
	c.b.Blackhole(fault.Both)
	return nil
}

// heal ends swallow.
func (c *cable) heal() error {
	c.a.Blackhole(fault.None)
	c.b.Blackhole(fault.None)
	return nil
}
