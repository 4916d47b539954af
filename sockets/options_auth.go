package sockets

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

func setAuthChunk(s *socket, in []byte) error {
	switch {
	case !s.auth:
		return unix.EACCES
	case len(in) != 1:
		return unix.EINVAL
	}
	t := wire.ChunkType(in[0])
	switch t {
	case wire.ChunkInit, wire.ChunkInitAck, wire.ChunkShutdownComplete, wire.ChunkAuth:
		return unix.EINVAL
	}
	if !slices.Contains(s.authChunks, t) {
		s.authChunks = append(slices.Clone(s.authChunks), t)
	}
	return s.tell(nil)
}

// usualHMACs are offered where the program says nothing.
var usualHMACs = []wire.HMACID{wire.HMACSHA256, wire.HMACSHA1}

func getHMACs(s *socket, _ []byte, size int) ([]byte, error) {
	if !s.auth {
		return nil, unix.EACCES
	}
	ids := s.hmacs
	if ids == nil {
		ids = usualHMACs
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(ids)))
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint16(b, uint16(id))
	}
	if size < len(b) {
		return nil, unix.EINVAL
	}
	return b, nil
}

func setHMACs(s *socket, in []byte) error {
	if !s.auth {
		return unix.EACCES
	}
	if len(in) < 4 {
		return unix.EINVAL
	}
	n := binary.LittleEndian.Uint32(in)
	if n == 0 || n > 4 || int(n)*2 > len(in)-4 {
		return unix.EINVAL
	}
	var ids []wire.HMACID
	for i := range int(n) {
		id := wire.HMACID(binary.LittleEndian.Uint16(in[4+2*i:]))
		if id != wire.HMACSHA1 && id != wire.HMACSHA256 {
			return unix.EOPNOTSUPP
		}
		ids = append(ids, id)
	}
	if !slices.Contains(ids, wire.HMACSHA1) { // RFC 4895, section 6.1
		return unix.EINVAL
	}
	s.hmacs = ids
	return s.tell(nil)
}

// keysOf runs a change of keys on associations, or on the keys of those to come.
func (s *socket) keysOf(id int32, ofSocket func() error, ofAssoc func(*assoc) error) error {
	return s.each(id, func(a *assoc) error {
		switch {
		case a != nil:
			return ofAssoc(a)
		case !s.auth:
			return unix.EACCES
		}
		if err := ofSocket(); err != nil {
			return err
		}
		if s.listener != nil {
			return s.listener.SetKeys(s.authKeys, s.activeKey)
		}
		return nil
	})
}

func (s *socket) keyAt(id uint16) int {
	return slices.IndexFunc(s.authKeys, func(k sctpcore.AuthKey) bool { return k.ID == id })
}

func setAuthKey(s *socket, in []byte) error {
	size := binary.Size(authKeyHeader{})
	if len(in) <= size {
		return unix.EINVAL
	}
	v := decode[authKeyHeader](in)
	if int(v.Length) > len(in)-size || int(v.Length) > sctpcore.MaxAuthKeyLen {
		return unix.EINVAL
	}
	key := sctpcore.AuthKey{ID: v.Key, Secret: slices.Clone(in[size : size+int(v.Length)])}
	return s.keysOf(v.AssocID, func() error {
		keys := slices.Clone(s.authKeys)
		if i := s.keyAt(v.Key); i >= 0 {
			keys[i] = key
		} else {
			keys = append(s.withNull(keys, v.Key), key)
		}
		if len(keys) > sctpcore.MaxAuthKeys {
			return unix.EINVAL
		}
		s.authKeys = keys
		return nil
	}, func(a *assoc) error { return a.conn.SetKey(key) })
}

// withNull lists the empty key 0, which is there unless it is replaced or deleted.
func (s *socket) withNull(keys []sctpcore.AuthKey, replaced uint16) []sctpcore.AuthKey {
	if len(keys) == 0 && replaced != 0 {
		keys = append(keys, sctpcore.AuthKey{})
	}
	return keys
}

func getActiveKey(s *socket, v *authKeyID) error {
	_, a, err := s.settingsOf(v.AssocID)
	if err != nil {
		return err
	}
	if a == nil {
		if v.Key = s.activeKey; !s.auth {
			return unix.EACCES
		}
		return nil
	}
	info, err := a.conn.Auth()
	switch {
	case err != nil:
		return err
	case !info.On:
		return unix.EACCES
	}
	v.Key = info.Active
	return nil
}

func setActiveKey(s *socket, v *authKeyID) error {
	return s.keysOf(v.AssocID, func() error {
		if s.keyAt(v.Key) < 0 && (v.Key != 0 || len(s.authKeys) > 0) {
			return unix.EINVAL
		}
		s.activeKey = v.Key
		return nil
	}, func(a *assoc) error { return a.conn.SetActiveKey(v.Key) })
}

func deleteKey(s *socket, v *authKeyID) error {
	return s.keysOf(v.AssocID, func() error {
		i := s.keyAt(v.Key)
		if i < 0 || v.Key == s.activeKey {
			return unix.EINVAL
		}
		s.authKeys = slices.Delete(slices.Clone(s.authKeys), i, i+1)
		return nil
	}, func(a *assoc) error { return a.conn.DeleteKey(v.Key) })
}

// deactivateKey has no meaning for associations to come: what they do not use they do
// not begin with.
func deactivateKey(s *socket, v *authKeyID) error {
	return s.keysOf(v.AssocID, func() error {
		if s.keyAt(v.Key) < 0 || v.Key == s.activeKey {
			return unix.EINVAL
		}
		return nil
	}, func(a *assoc) error { return a.conn.DeactivateKey(v.Key) })
}

func chunkList(id int32, chunks []wire.ChunkType, size int) ([]byte, error) {
	b := encode(&authChunksHeader{AssocID: id, Count: uint32(len(chunks))})
	for _, c := range chunks {
		b = append(b, byte(c))
	}
	if size < len(b) {
		return nil, unix.EINVAL
	}
	return b, nil
}

func getPeerChunks(s *socket, in []byte, size int) ([]byte, error) {
	v := decode[authChunksHeader](in)
	a, err := s.mustAssoc(v.AssocID)
	if err != nil {
		return nil, err
	}
	info, err := a.auth()
	if err != nil {
		return nil, err
	}
	return chunkList(v.AssocID, info.PeerChunks, size)
}

func getLocalChunks(s *socket, in []byte, size int) ([]byte, error) {
	v := decode[authChunksHeader](in)
	_, a, err := s.settingsOf(v.AssocID)
	if err != nil {
		return nil, err
	}
	if a == nil {
		if !s.auth {
			return nil, unix.EACCES
		}
		chunks := slices.Clone(s.authChunks)
		for _, t := range []wire.ChunkType{wire.ChunkAsconf, wire.ChunkAsconfAck} {
			if s.asconf && !slices.Contains(chunks, t) {
				chunks = append(chunks, t)
			}
		}
		return chunkList(v.AssocID, chunks, size)
	}
	info, err := a.auth()
	if err != nil {
		return nil, err
	}
	return chunkList(v.AssocID, info.LocalChunks, size)
}

// auth is what was agreed on authentication; EACCES if nothing was.
func (a *assoc) auth() (info sctpcore.AuthInfo, err error) {
	if info, err = a.conn.Auth(); err == nil && !info.On {
		err = unix.EACCES
	}
	return info, err
}

func getAdaptation(s *socket, v *uint32) error {
	if *v = 0; s.adaptation != nil {
		*v = *s.adaptation
	}
	return nil
}

func setAdaptation(s *socket, v *uint32) error {
	code := *v
	s.adaptation = &code
	return s.tell(nil)
}
