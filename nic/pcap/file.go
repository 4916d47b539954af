package pcap

import (
	"bufio"
	"io"
	"runtime"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// outBytes is the size of one write to the io.Writer.
const outBytes = 64 << 10

var (
	inbound  = pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}
	outbound = pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound}
)

// Interface is an interface of a File.
type Interface struct {
	Name        string
	Description string
	SnapLen     int  // bytes kept of each frame at most
	RawIP       bool // its frames are IP packets without a link header, else Ethernet
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

// File writes a pcapng file. One goroutine.
type File struct{ out *pcapgo.NgWriter }

// NewFile writes the header, with at least one interface, through to w.
func NewFile(w io.Writer, interfaces ...Interface) (*File, error) {
	f := &File{}
	for i := range interfaces {
		ng := pcapgo.NgInterface{
			Name:                interfaces[i].Name,
			Description:         interfaces[i].Description,
			LinkType:            layers.LinkTypeEthernet,
			SnapLength:          uint32(interfaces[i].SnapLen),
			OS:                  runtime.GOOS,
			TimestampResolution: 9,
		}
		if interfaces[i].RawIP {
			ng.LinkType = layers.LinkTypeRaw
		}
		var err error
		if i == 0 {
			f.out, err = pcapgo.NewNgWriterInterface(bufio.NewWriterSize(w, outBytes), ng, pcapgo.NgWriterOptions{
				SectionInfo: pcapgo.NgSectionInfo{Hardware: runtime.GOARCH, OS: runtime.GOOS, Application: "trunkline"}})
		} else {
			_, err = f.out.AddInterface(ng)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, f.out.Flush()
}

// Write adds a frame. It may wait in a buffer for Flush.
func (f *File) Write(fr *Frame) error {
	options := pcapgo.NgPacketOptions{Flags: &inbound}
	if fr.Tx {
		options.Flags = &outbound
	}
	if fr.Comment != "" {
		options.Comments = []string{fr.Comment}
	}
	return f.out.WritePacketWithOptions(gopacket.CaptureInfo{
		Timestamp: fr.Time, CaptureLength: len(fr.Data), Length: fr.Length, InterfaceIndex: fr.Interface,
	}, fr.Data, options)
}

// Statistics adds how many frames an interface had until some time, and how many of
// these the file lacks.
func (f *File) Statistics(interfaceIndex int, until time.Time, frames, lacking uint64) error {
	return f.out.WriteInterfaceStats(interfaceIndex, pcapgo.NgInterfaceStatistics{
		LastUpdate: until, PacketsReceived: frames, PacketsDropped: lacking,
	})
}

// Flush passes on what waits.
func (f *File) Flush() error { return f.out.Flush() }
