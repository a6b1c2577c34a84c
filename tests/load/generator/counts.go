package main

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// The stamp is the last bytes of a payload, so that what a server rewrites in front of it does no harm:
// mark (4 bytes), source (2), layer (2), counter (4), nanoseconds on our clock (8).
const (
	stampBytes = 20
	stampMark  = 0x7E1EBEEF
)

// Delays are counted in classes of 20 µs up to one second.
const (
	delayClass   = 20 * time.Microsecond
	delayClasses = 50_000
)

// counts is what all receivers have read since the last mark.
type counts struct {
	epoch   time.Time
	sources atomic.Uint32
	marked  time.Time
	sent    atomic.Uint64
	delays  []atomic.Uint32
	guard   sync.Mutex
	streams []*stream
}

// A stream is one received track; what it carries may change, and each (source, layer) has a count of its own.
type stream struct {
	guard     sync.Mutex
	kind      string
	present   origin
	sequences map[origin]*sequence
	now       streamCounts
}

type origin struct{ source, layer uint16 }

type sequence struct {
	next    uint32
	missing map[uint32]struct{}
}

type streamCounts struct {
	packets, bytes, other, repeated uint64
	layers                          map[uint16]uint64
}

// counted is what is told of a window.
type counted struct {
	Seconds float64 `json:"seconds"`
	Sent    uint64  `json:"sent"`
	Packets uint64  `json:"packets"`
	Bytes   uint64  `json:"bytes"`
	Other   uint64  `json:"other"`
	// Repeated were read before; they are not among Packets.
	Repeated uint64            `json:"repeated"`
	Lost     int               `json:"lost"`
	Streams  map[string]int    `json:"streams"`
	Layers   map[uint16]uint64 `json:"video_layers"`
	Delays   map[string]int64  `json:"delay_us"`
}

func newCounts() *counts {
	return &counts{epoch: time.Now(), delays: make([]atomic.Uint32, delayClasses)}
}

func (c *counts) newSource() uint16 {
	return uint16(c.sources.Add(1))
}

// stamp writes at the payload's end what it is and when it is sent: now.
func (c *counts) stamp(payload []byte, source, layer uint16, counter uint32) {
	at := payload[len(payload)-stampBytes:]
	binary.BigEndian.PutUint32(at, stampMark)
	binary.BigEndian.PutUint16(at[4:], source)
	binary.BigEndian.PutUint16(at[6:], layer)
	binary.BigEndian.PutUint32(at[8:], counter)
	c.sent.Add(1)
	binary.BigEndian.PutUint64(at[12:], uint64(time.Since(c.epoch)))
}

// readAll counts a track's packets until it ends.
func (c *counts) readAll(track *webrtc.TrackRemote) {
	made := &stream{kind: track.Kind().String(), sequences: map[origin]*sequence{}}
	made.now.layers = map[uint16]uint64{}
	c.guard.Lock()
	c.streams = append(c.streams, made)
	c.guard.Unlock()
	buffer := make([]byte, 1600)
	for {
		length, _, err := track.Read(buffer)
		if err != nil {
			return
		}
		if sentAt, isOurs := made.take(buffer[:length]); isOurs {
			class := int((time.Since(c.epoch) - sentAt) / delayClass)
			c.delays[min(max(class, 0), delayClasses-1)].Add(1)
		}
	}
}

// take counts one packet; when it was sent, and whether it bears a stamp.
func (s *stream) take(packet []byte) (time.Duration, bool) {
	s.guard.Lock()
	defer s.guard.Unlock()
	end := len(packet)
	if packet[0]&0x20 != 0 { // RFC 3550 §5.1: padding, whose last byte counts it
		end -= int(packet[end-1])
	}
	if end < 12+stampBytes || binary.BigEndian.Uint32(packet[end-stampBytes:]) != stampMark {
		s.now.other++
		return 0, false
	}
	at := packet[end-stampBytes : end]
	source, layer := binary.BigEndian.Uint16(at[4:]), binary.BigEndian.Uint16(at[6:])
	counter := binary.BigEndian.Uint32(at[8:])
	if s.isRepeated(origin{source, layer}, counter) {
		s.now.repeated++
		return 0, false
	}
	s.now.packets++
	s.now.bytes += uint64(len(packet))
	s.now.layers[layer]++
	return time.Duration(binary.BigEndian.Uint64(at[12:])), true
}

// isRepeated places a packet in its sequence, and tells whether it was read before. What is skipped is missing until it
// comes after all, but for what passes while the stream carries something else.
func (s *stream) isRepeated(from origin, counter uint32) bool {
	found := s.sequences[from]
	if found == nil {
		found = &sequence{next: counter, missing: map[uint32]struct{}{}}
		s.sequences[from] = found
	}
	if int32(counter-found.next) < 0 {
		_, isMissing := found.missing[counter]
		delete(found.missing, counter)
		return !isMissing
	}
	if from == s.present {
		for ; found.next != counter; found.next++ {
			found.missing[found.next] = struct{}{}
		}
	}
	s.present, found.next = from, counter+1
	return false
}

// mark begins a window.
func (c *counts) mark() {
	c.guard.Lock()
	defer c.guard.Unlock()
	for _, one := range c.streams {
		one.guard.Lock()
		one.now = streamCounts{layers: map[uint16]uint64{}}
		for _, each := range one.sequences {
			clear(each.missing)
		}
		one.guard.Unlock()
	}
	for index := range c.delays {
		c.delays[index].Store(0)
	}
	c.sent.Store(0)
	c.marked = time.Now()
}

// read tells of the window so far.
func (c *counts) read() *counted {
	c.guard.Lock()
	defer c.guard.Unlock()
	told := &counted{
		Seconds: time.Since(c.marked).Seconds(), Sent: c.sent.Load(),
		Streams: map[string]int{}, Layers: map[uint16]uint64{}, Delays: map[string]int64{},
	}
	for _, one := range c.streams {
		one.guard.Lock()
		if one.now.packets > 0 {
			told.Streams[one.kind]++
		}
		told.Packets += one.now.packets
		told.Bytes += one.now.bytes
		told.Other += one.now.other
		told.Repeated += one.now.repeated
		for _, each := range one.sequences {
			told.Lost += len(each.missing)
		}
		if one.kind == "video" {
			for layer, packets := range one.now.layers {
				told.Layers[layer] += packets
			}
		}
		one.guard.Unlock()
	}
	c.readDelays(told)
	return told
}

func (c *counts) readDelays(told *counted) {
	total := uint64(0)
	sums := make([]uint64, delayClasses)
	for index := range c.delays {
		total += uint64(c.delays[index].Load())
		sums[index] = total
	}
	for name, share := range map[string]float64{"p50": 0.5, "p95": 0.95, "p99": 0.99} {
		class, _ := slices.BinarySearch(sums, uint64(share*float64(total))+1)
		told.Delays[name] = int64(min(class, delayClasses-1)+1) * delayClass.Microseconds()
	}
}
