package mem

// NewLoop makes a cable whose two ends are one port: what it sends it receives, by
// any of its queues. Of the Options, B is of no account. It panics if opts cannot be met.
func NewLoop(opts Options) *Port {
	opts = opts.withDefaults()
	c := &cable{opts: opts, admin: [2]bool{true, true}}
	c.state.Store(1)
	p := newPort(c, 0, opts.A)
	p.peer = p
	c.ports = [2]*Port{p, p}
	return p
}
