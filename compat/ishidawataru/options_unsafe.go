package sctp

import (
	"syscall"
	"unsafe"
)

// Getsockopt reads an option of level IPPROTO_SCTP as the system call would: optval
// is the address of the argument, optlen that of its length, an int32 or wider, which is updated.
func (c *SCTPConn) Getsockopt(optname, optval, optlen uintptr) (uintptr, uintptr, error) {
	length := (*int32)(pointer(optlen))
	if length == nil || *length < 0 {
		return 0, 0, syscall.EINVAL
	}
	value := memory(optval, int(*length))
	b, err := c.option(int(optname), value, len(value))
	if err != nil {
		return 0, 0, err
	}
	*length = int32(copy(value, b))
	return 0, 0, nil
}

// Setsockopt sets an option of level IPPROTO_SCTP as the system call would: optval is the address
// of the argument, optlen its length in bytes.
func (c *SCTPConn) Setsockopt(optname, optval, optlen uintptr) (uintptr, uintptr, error) {
	k, err := c.socket()
	if err != nil {
		return 0, 0, err
	}
	return 0, 0, k.setOption(SOL_SCTP, int(optname), memory(optval, int(optlen)))
}

// memory is what lies at an address that the program gave.
func memory(at uintptr, size int) []byte {
	if at == 0 || size <= 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(at)), size)
}

// pointer makes of an address, which the caller keeps alive as it must for the
// system call, a pointer.
func pointer(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }
