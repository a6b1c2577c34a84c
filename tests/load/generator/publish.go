package main

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// namedFor is how long an encoding names itself by MID and RID: a browser stops once the other side has reported on it.
const namedFor = 3 * time.Second

const (
	uriMID = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
)

// A source is what a peer sends on one section; audio is one packet a frame.
type source struct {
	Kind      string  `json:"kind"`
	FramesPer int     `json:"frames_per_s"`
	Layers    []layer `json:"layers"`
}

// A layer is one encoding, lowest first; Bytes is the payload of each packet.
type layer struct {
	RID     string `json:"rid"`
	Packets int    `json:"packets"`
	Bytes   int    `json:"bytes"`
}

func (s source) mimeType() string {
	if s.Kind == "audio" {
		return webrtc.MimeTypeOpus
	}
	return webrtc.MimeTypeVP8
}

func (s source) clockRate() int {
	if s.Kind == "audio" {
		return 48000
	}
	return 90000
}

type encoding struct {
	layer
	index    int
	track    *webrtc.TrackLocalStaticRTP
	wanted   *atomic.Bool // a keyframe
	payload  []byte
	sequence uint16
	counter  uint32
	picture  uint16
}

type sending struct {
	source
	number      uint16
	transceiver *webrtc.RTPTransceiver
	encodings   []*encoding
	counts      *counts
	midID       uint8
	ridID       uint8
}

// publish lets every source send, each in a phase of its own, so that they do not wake together.
func (g *generator) publish() {
	g.guard.Lock()
	defer g.guard.Unlock()
	for number, one := range g.sending {
		interval := time.Second / time.Duration(one.FramesPer)
		phase := interval * time.Duration(number) / time.Duration(len(g.sending))
		go one.run(time.Now().Add(phase), interval)
	}
	g.sending = nil
}

// run sends frames at an even pace; one that comes late is sent at once, so that the rate holds.
func (s *sending) run(due time.Time, interval time.Duration) {
	for _, extension := range s.transceiver.Sender().GetParameters().HeaderExtensions {
		switch extension.URI {
		case uriMID:
			s.midID = uint8(extension.ID)
		case uriRID:
			s.ridID = uint8(extension.ID)
		}
	}
	for _, one := range s.encodings {
		one.payload = make([]byte, one.Bytes)
		one.sequence = uint16(rand.IntN(1 << 15)) // RFC 3711 §3.3.1: far from a first wrap
	}
	timestamp, begun := rand.Uint32(), time.Now()
	for frame := 0; ; frame++ {
		time.Sleep(time.Until(due))
		due = due.Add(interval)
		isNamed := len(s.encodings) > 1 && time.Since(begun) < namedFor
		for _, one := range s.encodings {
			isKey := one.wanted.Swap(false) || frame%s.FramesPer == 0
			if s.sendFrame(one, timestamp, isKey, isNamed) != nil {
				return
			}
		}
		timestamp += uint32(s.clockRate() / s.FramesPer)
	}
}

func (s *sending) sendFrame(one *encoding, timestamp uint32, isKey, isNamed bool) error {
	one.picture = (one.picture + 1) & 0x7FFF
	for number := range one.Packets {
		packet := rtp.Packet{
			Header: rtp.Header{
				Version: 2, Marker: s.Kind == "video" && number == one.Packets-1,
				SequenceNumber: one.sequence, Timestamp: timestamp,
			},
			Payload: one.payload,
		}
		if isNamed {
			_ = packet.SetExtension(s.midID, []byte(s.transceiver.Mid()))
			_ = packet.SetExtension(s.ridID, []byte(one.RID))
		}
		if s.Kind == "video" {
			beginVP8(one.payload, number == 0, isKey, one.picture)
		}
		one.sequence++
		one.counter++
		s.counts.stamp(one.payload, s.number, uint16(one.index), one.counter)
		if err := one.track.WriteRTP(&packet); err != nil {
			return err
		}
	}
	return nil
}

// beginVP8 writes the payload descriptor (RFC 7741 §4.2, 15-bit PictureID) and, in a frame's first packet, what tells a
// keyframe from another (RFC 6386 §9.1).
func beginVP8(payload []byte, isFirst, isKey bool, picture uint16) {
	payload[0], payload[1] = 0x80, 0x80
	payload[2], payload[3] = 0x80|byte(picture>>8), byte(picture)
	if !isFirst {
		return
	}
	payload[0] |= 0x10
	if isKey {
		copy(payload[4:], []byte{0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01}) // 640 x 360
	} else {
		copy(payload[4:], []byte{0x11, 0x02, 0x00})
	}
}
