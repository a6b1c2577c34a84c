package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const connectWithin = 15 * time.Second

// A generator holds the peers and what they count.
type generator struct {
	api     *webrtc.API
	counts  *counts
	guard   sync.Mutex
	peers   map[string]*peer
	sending []*sending
	begun   bool
}

type peer struct {
	connection *webrtc.PeerConnection
	connected  chan error
}

// newGenerator makes peers possible: Opus and VP8 with RTX, pion's default interceptors (NACK, reports, transport-wide
// feedback), one address, no mDNS.
func newGenerator(address string) (*generator, error) {
	media := &webrtc.MediaEngine{}
	for _, codec := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, PayloadType: 96},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}, PayloadType: 97},
	} {
		kind := webrtc.RTPCodecTypeVideo
		if codec.MimeType == webrtc.MimeTypeOpus {
			kind = webrtc.RTPCodecTypeAudio
		}
		if err := media.RegisterCodec(codec, kind); err != nil {
			return nil, err
		}
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.String() == address })
	return &generator{
		api: webrtc.NewAPI(
			webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings),
		),
		counts: newCounts(),
		peers:  map[string]*peer{},
	}, nil
}

func (g *generator) newPeer(name string) (*peer, error) {
	connection, err := g.api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		return nil, err
	}
	made := &peer{connection, make(chan error, 1)}
	var settled sync.Once
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			settled.Do(func() { made.connected <- nil })
		case webrtc.PeerConnectionStateFailed:
			settled.Do(func() { made.connected <- errors.New("ICE or DTLS failed") })
		}
	})
	connection.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go drain(receiver.Read)
		g.counts.readAll(track)
	})
	g.guard.Lock()
	defer g.guard.Unlock()
	g.peers[name] = made
	return made, nil
}

func (g *generator) peer(name string) (*peer, error) {
	g.guard.Lock()
	defer g.guard.Unlock()
	if found := g.peers[name]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("no such peer: %q", name)
}

// offer makes a peer and its whole offer, candidates included.
func (g *generator) offer(one command) (string, error) {
	made, err := g.newPeer(one.Peer)
	if err != nil {
		return "", err
	}
	for number, what := range one.Sends {
		if err := g.addSource(made, number, what); err != nil {
			return "", err
		}
	}
	receive := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	for kind, slots := range map[webrtc.RTPCodecType]int{webrtc.RTPCodecTypeAudio: one.Audio, webrtc.RTPCodecTypeVideo: one.Video} {
		for range slots {
			if _, err := made.connection.AddTransceiverFromKind(kind, receive); err != nil {
				return "", err
			}
		}
	}
	description, err := made.connection.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	return made.describe(description)
}

// accept takes the answer to an offer.
func (g *generator) accept(one command) error {
	found, err := g.peer(one.Peer)
	if err != nil {
		return err
	}
	return found.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: one.SDP})
}

// answer takes a server's offer: the first makes the peer, later ones change it.
func (g *generator) answer(one command) (string, error) {
	made, err := g.peer(one.Peer)
	if err != nil {
		if made, err = g.newPeer(one.Peer); err != nil {
			return "", err
		}
	}
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: one.SDP}
	if err := made.connection.SetRemoteDescription(offer); err != nil {
		return "", err
	}
	description, err := made.connection.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return made.describe(description)
}

func (p *peer) describe(description webrtc.SessionDescription) (string, error) {
	gathered := webrtc.GatheringCompletePromise(p.connection)
	if err := p.connection.SetLocalDescription(description); err != nil {
		return "", err
	}
	<-gathered
	return p.connection.LocalDescription().SDP, nil
}

// connected waits until DTLS is through.
func (g *generator) connected(one command) error {
	found, err := g.peer(one.Peer)
	if err != nil {
		return err
	}
	select {
	case err := <-found.connected:
		return err
	case <-time.After(connectWithin):
		return fmt.Errorf("%s was not connected in %s", one.Peer, connectWithin)
	}
}

// addSource adds a track, with one encoding a layer; more than one is simulcast (RFC 8853).
func (g *generator) addSource(made *peer, number int, what source) error {
	var sender *webrtc.RTPSender
	var transceiver *webrtc.RTPTransceiver
	source_ := &sending{source: what, counts: g.counts, number: g.counts.newSource()}
	for index, one := range what.Layers {
		var options []func(*webrtc.TrackLocalStaticRTP)
		if len(what.Layers) > 1 {
			options = append(options, webrtc.WithRTPStreamID(one.RID))
		}
		capability := webrtc.RTPCodecCapability{MimeType: what.mimeType()}
		track, err := webrtc.NewTrackLocalStaticRTP(capability, fmt.Sprintf("track-%d", number), "load", options...)
		if err != nil {
			return err
		}
		if sender == nil {
			transceiver, err = made.connection.AddTransceiverFromTrack(
				track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly},
			)
			if err == nil {
				sender = transceiver.Sender()
			}
		} else {
			err = sender.AddEncoding(track)
		}
		if err != nil {
			return err
		}
		encoding := &encoding{layer: one, index: index, track: track, wanted: &atomic.Bool{}}
		source_.encodings = append(source_.encodings, encoding)
		read := sender.ReadRTCP
		if len(what.Layers) > 1 {
			read = func() ([]rtcp.Packet, interceptor.Attributes, error) { return sender.ReadSimulcastRTCP(one.RID) }
		}
		go answerRequests(read, encoding.wanted)
	}
	source_.transceiver = transceiver
	g.guard.Lock()
	defer g.guard.Unlock()
	g.sending = append(g.sending, source_)
	return nil
}

// answerRequests notes every PLI and FIR; the next frame is then a keyframe. Reading also lets pion answer NACKs.
func answerRequests(read func() ([]rtcp.Packet, interceptor.Attributes, error), wanted *atomic.Bool) {
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				wanted.Store(true)
			}
		}
	}
}

// drain reads RTCP so that pion's interceptors see it.
func drain(read func([]byte) (int, interceptor.Attributes, error)) {
	buffer := make([]byte, 1500)
	for {
		if _, _, err := read(buffer); err != nil {
			return
		}
	}
}
