package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// keyframesAtMostEvery bounds what is asked of one publisher.
const keyframesAtMostEvery = 500 * time.Millisecond

type sfu struct {
	api   *webrtc.API
	guard sync.Mutex
	rooms map[string]*room
}

type room struct {
	rid     string // the encoding of simulcast sources that is forwarded
	guard   sync.Mutex
	people  []*person
	sources []*source
}

type person struct {
	connection *webrtc.PeerConnection
	free       []*slot
}

type slot struct {
	track  *webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
}

// A source is one received track and those who get it; takers are replaced whole, so that the hot loop takes no lock.
type source struct {
	owner  *person
	remote *webrtc.TrackRemote
	takers atomic.Pointer[[]*slot]
	askAt  atomic.Int64
}

// join takes an offer: what it sends goes to the others, its recvonly sections become slots.
func (s *sfu) join(name, rid, offer string) (string, error) {
	s.guard.Lock()
	here := s.rooms[name]
	if here == nil {
		here = &room{rid: rid}
		s.rooms[name] = here
	}
	s.guard.Unlock()
	connection, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	made := &person{connection: connection}
	connection.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go drain(receiver, remote.RID())
		here.forward(made, remote)
	})
	if err := connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	if err := made.addSlots(); err != nil {
		return "", err
	}
	answer, err := connection.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(connection)
	if err := connection.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	here.enter(made)
	return connection.LocalDescription().SDP, nil
}

func (p *person) addSlots() error {
	mimeTypes := map[webrtc.RTPCodecType]string{
		webrtc.RTPCodecTypeAudio: webrtc.MimeTypeOpus, webrtc.RTPCodecTypeVideo: webrtc.MimeTypeVP8,
	}
	for number, one := range p.connection.GetTransceivers() {
		if one.Direction() != webrtc.RTPTransceiverDirectionSendonly {
			continue
		}
		capability := webrtc.RTPCodecCapability{MimeType: mimeTypes[one.Kind()]}
		track, err := webrtc.NewTrackLocalStaticRTP(capability, fmt.Sprintf("slot-%d", number), fmt.Sprintf("stream-%d", number))
		if err != nil {
			return err
		}
		sender, err := p.connection.AddTrack(track)
		if err != nil {
			return err
		}
		p.free = append(p.free, &slot{track, sender})
	}
	return nil
}

func (r *room) enter(made *person) {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.people = append(r.people, made)
	for _, one := range r.sources {
		r.connect(one, made)
	}
}

// forward carries a track's packets to those who take it, until it ends.
func (r *room) forward(owner *person, remote *webrtc.TrackRemote) {
	made := &source{owner: owner, remote: remote}
	made.takers.Store(&[]*slot{})
	if remote.RID() == "" || remote.RID() == r.rid {
		r.guard.Lock()
		r.sources = append(r.sources, made)
		for _, one := range r.people {
			r.connect(made, one)
		}
		r.guard.Unlock()
	}
	for {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		packet.Extension, packet.Extensions = false, nil // each receiver's own are written by the interceptors
		for _, taker := range *made.takers.Load() {
			_ = taker.track.WriteRTP(packet)
		}
	}
}

// connect gives a person's free slot to a source; who has none, or sends it, gets nothing.
func (r *room) connect(one *source, taker *person) {
	if taker == one.owner {
		return
	}
	for index, free := range taker.free {
		if free.track.Kind() != one.remote.Kind() {
			continue
		}
		taker.free = slices.Delete(taker.free, index, index+1)
		takers := append(slices.Clone(*one.takers.Load()), free)
		one.takers.Store(&takers)
		go one.passRequests(free.sender)
		one.askKeyframe()
		return
	}
}

// passRequests passes a receiver's wish for a keyframe on; reading also lets pion answer its NACKs.
func (s *source) passRequests(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.askKeyframe()
			}
		}
	}
}

func (s *source) askKeyframe() {
	now, before := time.Now().UnixNano(), s.askAt.Load()
	if s.remote.Kind() != webrtc.RTPCodecTypeVideo || now-before < int64(keyframesAtMostEvery) {
		return
	}
	if s.askAt.CompareAndSwap(before, now) {
		_ = s.owner.connection.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(s.remote.SSRC())}})
	}
}

// drain reads RTCP so that pion's interceptors see it.
func drain(receiver *webrtc.RTPReceiver, rid string) {
	buffer := make([]byte, 1500)
	for {
		var err error
		if rid == "" {
			_, _, err = receiver.Read(buffer)
		} else {
			_, _, err = receiver.ReadSimulcast(buffer, rid)
		}
		if err != nil {
			return
		}
	}
}
