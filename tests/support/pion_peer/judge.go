package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"io"

	"github.com/pion/rtcp"
)

// feedback is a transport-wide feedback as Pion reads it.
type feedback struct {
	Sender    uint32  `json:"sender"`
	Media     uint32  `json:"media"`
	Base      uint16  `json:"base"`
	Count     uint8   `json:"count"`
	Reference uint32  `json:"reference"`
	Statuses  []int   `json:"statuses"`
	Deltas    []int64 `json:"deltas"`
	Error     string  `json:"error,omitempty"`
}

// judge reads RTCP packets in hexadecimal, one a line, and says what Pion makes of each.
func judge(source io.Reader, sink io.Writer) {
	lines, out := bufio.NewScanner(source), json.NewEncoder(sink)
	lines.Buffer(nil, maxFrame)
	for lines.Scan() {
		raw, err := hex.DecodeString(lines.Text())
		said := feedback{Statuses: []int{}, Deltas: []int64{}}
		if err == nil {
			err = said.read(raw)
		}
		if err != nil {
			said.Error = err.Error()
		}
		if out.Encode(said) != nil {
			return
		}
	}
}

func (f *feedback) read(raw []byte) error {
	var packet rtcp.TransportLayerCC
	if err := packet.Unmarshal(raw); err != nil {
		return err
	}
	f.Sender, f.Media = packet.SenderSSRC, packet.MediaSSRC
	f.Base, f.Count, f.Reference = packet.BaseSequenceNumber, packet.FbPktCount, packet.ReferenceTime
	for _, chunk := range packet.PacketChunks {
		switch one := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range one.RunLength {
				f.Statuses = append(f.Statuses, int(one.PacketStatusSymbol))
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range one.SymbolList {
				f.Statuses = append(f.Statuses, int(symbol))
			}
		}
	}
	f.Statuses = f.Statuses[:min(len(f.Statuses), int(packet.PacketStatusCount))]
	for _, delta := range packet.RecvDeltas {
		f.Deltas = append(f.Deltas, delta.Delta)
	}
	return nil
}
