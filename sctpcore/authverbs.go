package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// AuthIndication is what an EventAuth tells (RFC 6458, section 6.1.8).
type AuthIndication uint8

// The indications.
const (
	AuthNewKey  AuthIndication = iota + 1 // the peer authenticates with Key from now on
	AuthNone                              // the peer does not authenticate, which we offered
	AuthFreeKey                           // nothing is sent with Key, deactivated, any more
)

// AuthInfo is a snapshot of an association's authentication.
type AuthInfo struct {
	On          bool             // both sides authenticate; false until the peer has answered
	Asconf      bool             // both sides reconfigure addresses
	HMAC        wire.HMACID      // that we send with
	Active      uint16           // key that we send with
	Keys        []uint16         // identifiers of all keys
	LocalChunks []wire.ChunkType // that we accept only authenticated
	PeerChunks  []wire.ChunkType // that the peer accepts only authenticated
}

// Auth is a snapshot of an association's authentication; it allocates. ok is false if
// there is no such association; one that offers no extension gives the zero value.
func (e *Endpoint) Auth(id AssocID) (info AuthInfo, ok bool) {
	a := e.assoc(id)
	if a == nil || a.ext == nil {
		return info, a != nil
	}
	u := &a.ext.auth
	info = AuthInfo{On: u.on, Asconf: a.ext.conf.on, HMAC: u.send, Active: u.active, LocalChunks: a.ext.offer.chunks}
	if u.on {
		info.PeerChunks, info.LocalChunks = u.theirs.list(), u.ours.list()
	}
	for i := range u.keys {
		info.Keys = append(info.Keys, u.keys[i].ID)
	}
	return info, true
}

// authOf finds the authentication of an association that offers it.
func (e *Endpoint) authOf(id AssocID) (*assoc, *auth, error) {
	a := e.assoc(id)
	switch {
	case a == nil || a.state == Closed:
		return nil, nil, ErrNoAssociation
	case a.ext == nil || !a.ext.offer.auth:
		return nil, nil, ErrUnsupported
	}
	return a, &a.ext.auth, nil
}

// SetKey gives an association a key, or another secret to one that it has. It may be
// called from EventUp on, and before, and affects the next packet. The errors are
// ErrInvalid for a secret too long or one key too many, ErrUnsupported for an
// association without Extensions.Auth, ErrNoAssociation.
func (e *Endpoint) SetKey(id AssocID, k AuthKey) error {
	_, u, err := e.authOf(id)
	if err != nil {
		return err
	}
	if len(k.Secret) > MaxAuthKeyLen || u.key(k.ID) == nil && len(u.keys) == MaxAuthKeys {
		return ErrInvalid
	}
	k.Secret = append([]byte(nil), k.Secret...)
	if old := u.key(k.ID); old != nil {
		*old = authKey{AuthKey: k}
		return nil
	}
	u.keys = append(u.keys, authKey{AuthKey: k})
	return nil
}

// SetActiveKey has what is sent from now on authenticated with a key, which must be
// there and not deactivated, else ErrKey. Otherwise as SetKey.
func (e *Endpoint) SetActiveKey(id AssocID, key uint16) error {
	_, u, err := e.authOf(id)
	if err != nil {
		return err
	}
	if k := u.key(key); k == nil || k.retired {
		return ErrKey
	}
	u.active = key
	return nil
}

// DeactivateKey keeps a key, which must not be the active one (ErrKey), for receiving
// only. EventAuth with AuthFreeKey tells that nothing is sent with it any more, which
// is at once: a chunk that is sent again is authenticated with the active key.
func (e *Endpoint) DeactivateKey(now Time, id AssocID, key uint16) error {
	a, u, err := e.authOf(id)
	if err != nil {
		return err
	}
	k := u.key(key)
	if k == nil || key == u.active {
		return ErrKey
	}
	e.begin(now)
	if !k.retired {
		k.retired = true
		a.event(Event{Kind: EventAuth, Auth: AuthFreeKey, Key: key})
	}
	return nil
}

// DeleteKey forgets a key, which must not be the active one (ErrKey): what comes
// with it is discarded and counted.
func (e *Endpoint) DeleteKey(id AssocID, key uint16) error {
	_, u, err := e.authOf(id)
	if err != nil {
		return err
	}
	for i := range u.keys {
		if u.keys[i].ID == key && key != u.active {
			u.keys = append(u.keys[:i], u.keys[i+1:]...)
			return nil
		}
	}
	return ErrKey
}

// SetListenerKeys replaces the keys that associations accepted from now on by the listener
// on a port at an address begin with. What it authenticates and how is fixed as long as it
// listens (RFC 4895, section 6.1). The errors are ErrInvalid, ErrKey, ErrUnsupported.
func (e *Endpoint) SetListenerKeys(port uint16, at wire.Addr, keys []AuthKey, active uint16) error {
	l := e.listening(port, at)
	switch {
	case l == nil:
		return ErrInvalid
	case l.offer == nil || !l.offer.auth:
		return ErrUnsupported
	}
	o := *l.offer // associations share the old one
	if err := o.setKeys(keys, active); err != nil {
		return err
	}
	l.offer = &o
	return nil
}
