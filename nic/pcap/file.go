package pcap

import (
	"bufio"
	"encoding/binary"
	"io"
	"runtime"
	"time"
)

// outBytes is the size of one write to the io.Writer.
const outBytes = 64 << 10

// Block types (draft-ietf-opsawg-pcapng, section 11.1).
const (
	blockSection    = 0x0a0d0d0a // 4.1
	blockInterface  = 1          // 4.2
	blockStatistics = 5          // 4.6
	blockPacket     = 6          // 4.3, the enhanced one
)

// Options of blocks.
const (
	optEnd     = 0 // of all of them: section 3.5
	optComment = 1

	sectionHardware, sectionOS, sectionApplication = 2, 3, 4 // 4.1

	interfaceName, interfaceDescription, interfaceResolution, interfaceFilter, interfaceOS = 2, 3, 9, 11, 12 // 4.2

	packetFlags = 2 // 4.3

	statisticsReceived, statisticsDropped, statisticsAccepted, statisticsDelivered = 4, 5, 6, 8 // 4.6
)

const (
	byteOrderMagic = 0x1a2b3c4d
	nanoseconds    = 9 // interfaceResolution: 10^-9
	linkEthernet   = 1
	linkRawIP      = 101
	flagInbound    = 1
	flagOutbound   = 2
)

// Interface is an interface of a File.
type Interface struct {
	Name        string
	Description string
	Filter      string // what its frames were chosen by; "" is not said
	SnapLen     int    // bytes kept of each frame at most
	RawIP       bool   // its frames are IP packets without a link header, else Ethernet
}

// Frame is a frame of a File.
type Frame struct {
	Interface int // its index
	Time      time.Time
	Data      []byte // what was kept of it
	Length    int    // bytes it had
	Tx        bool   // outbound, else inbound
	Comment   string // "" is none
}

// Statistics are the counts of an interface until some time. They may be written again
// and again; the last count.
type Statistics struct {
	Until     time.Time
	Received  uint64 // frames that there were
	Accepted  uint64 // of these, that the filter let pass
	Dropped   uint64 // of these, that the file lacks
	Delivered uint64 // and that it has
	Comment   string // "" is none
}

// File writes a pcapng file, of which every whole block is valid. One goroutine.
type File struct {
	out   *bufio.Writer
	block []byte
	size  int64
}

// NewFile writes the header and the interfaces through to w.
func NewFile(w io.Writer, interfaces ...Interface) (*File, error) {
	f := &File{out: bufio.NewWriterSize(w, outBytes)}
	f.begin(blockSection)
	f.word(byteOrderMagic)
	f.word(1)         // version 1.0
	f.long(1<<64 - 1) // the section's length is not known
	f.text(sectionHardware, runtime.GOARCH)
	f.text(sectionOS, runtime.GOOS)
	f.text(sectionApplication, "trunkline")
	if err := f.end(); err != nil {
		return nil, err
	}
	for i := range interfaces {
		if err := f.add(&interfaces[i]); err != nil {
			return nil, err
		}
	}
	return f, f.Flush()
}

func (f *File) add(i *Interface) error {
	f.begin(blockInterface)
	if i.RawIP {
		f.word(linkRawIP)
	} else {
		f.word(linkEthernet)
	}
	f.word(uint32(i.SnapLen))
	f.text(interfaceName, i.Name)
	f.text(interfaceDescription, i.Description)
	if i.Filter != "" {
		f.text(interfaceFilter, "\x00"+i.Filter) // 0: in words of the program
	}
	f.text(interfaceOS, runtime.GOOS)
	f.option(interfaceResolution, nanoseconds)
	return f.end()
}

// Write adds a frame. It may wait in a buffer for Flush.
func (f *File) Write(fr *Frame) error {
	f.begin(blockPacket)
	f.word(uint32(fr.Interface))
	f.time(fr.Time)
	f.word(uint32(len(fr.Data)))
	f.word(uint32(fr.Length))
	f.block = append(f.block, fr.Data...)
	f.pad()
	if fr.Tx {
		f.option(packetFlags, flagOutbound, 0, 0, 0)
	} else {
		f.option(packetFlags, flagInbound, 0, 0, 0)
	}
	f.text(optComment, fr.Comment)
	return f.end()
}

// Statistics adds the counts of the interface with an index.
func (f *File) Statistics(i int, s *Statistics) error {
	f.begin(blockStatistics)
	f.word(uint32(i))
	f.time(s.Until)
	f.text(optComment, s.Comment)
	f.count(statisticsReceived, s.Received)
	f.count(statisticsDropped, s.Dropped)
	f.count(statisticsAccepted, s.Accepted)
	f.count(statisticsDelivered, s.Delivered)
	return f.end()
}

// Size is how many bytes were added.
func (f *File) Size() int64 { return f.size }

// Waiting is how many of them wait for Flush.
func (f *File) Waiting() int { return f.out.Buffered() }

// Flush passes on what waits.
func (f *File) Flush() error { return f.out.Flush() }

// begin starts a block, whose length end writes.
func (f *File) begin(kind uint32) {
	f.block = f.block[:0]
	f.word(kind)
	f.word(0)
}

func (f *File) word(v uint32) { f.block = binary.LittleEndian.AppendUint32(f.block, v) }
func (f *File) long(v uint64) { f.block = binary.LittleEndian.AppendUint64(f.block, v) }

// time is two words, the upper one first.
func (f *File) time(t time.Time) {
	ns := uint64(t.UnixNano())
	f.word(uint32(ns >> 32))
	f.word(uint32(ns))
}

func (f *File) pad() {
	for len(f.block)%4 != 0 {
		f.block = append(f.block, 0)
	}
}

func (f *File) option(code uint16, value ...byte) {
	f.block = binary.LittleEndian.AppendUint16(f.block, code)
	f.block = binary.LittleEndian.AppendUint16(f.block, uint16(len(value)))
	f.block = append(f.block, value...)
	f.pad()
}

func (f *File) count(code uint16, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	f.option(code, b[:]...)
}

// text is an option, of at most 65535 bytes; none if it is empty.
func (f *File) text(code uint16, s string) {
	if s = s[:min(len(s), 1<<16-1)]; s != "" {
		f.option(code, []byte(s)...)
	}
}

// end writes the block; all have options.
func (f *File) end() error {
	f.option(optEnd)
	n := uint32(len(f.block) + 4)
	f.word(n)
	binary.LittleEndian.PutUint32(f.block[4:], n)
	f.size += int64(n)
	_, err := f.out.Write(f.block)
	return err
}
