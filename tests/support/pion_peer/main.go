// Command pion_peer is one participant on Pion's WebRTC stack, driven by a test through standard input and output.
//
// It writes one JSON object a line: first its offer; then, for each line that it reads, an answer. The first
// line that it reads is the media node's answer, each later one asks for a look at what has arrived.
// With the argument `rtcp` it is a judge instead: each line is an RTCP packet in hexadecimal, and comes back
// as Pion reads it.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

const (
	maxFrame = 1 << 20
	// maxRecorded frames of one slot and codec are enough for any test.
	maxRecorded = 2000
	// maxLate packets are waited for before a frame is given up.
	maxLate = 200
)

var (
	offered  = flag.String("codecs", "VP8,H264", "video codecs to offer, best first")
	sent     = flag.String("video", "", "file of encoded frames to send over and over; its suffix names the codec")
	spoken   = flag.String("audio", "", "file of Opus packets to send over and over")
	profile  = flag.String("srtp", "", "the one SRTP protection profile to offer, by its IANA name")
	slots    = flag.Int("slots", 1, "receive slots of each kind")
	every    = flag.Duration("frame", 100*time.Millisecond, "time between two frames")
	recorded = flag.String("record", "", "folder for what arrives: one file for each slot and codec")
)

var profiles = map[string]dtls.SRTPProtectionProfile{
	"SRTP_AEAD_AES_128_GCM":       dtls.SRTP_AEAD_AES_128_GCM,
	"SRTP_AEAD_AES_256_GCM":       dtls.SRTP_AEAD_AES_256_GCM,
	"SRTP_AES128_CM_HMAC_SHA1_80": dtls.SRTP_AES128_CM_HMAC_SHA1_80,
}

// look is what has happened so far.
type look struct {
	State   string           `json:"state"`
	Packets map[string]int   `json:"packets"`
	Types   map[string][]int `json:"types"`
	Errors  []string         `json:"errors"`
	Asked   int              `json:"keyframes_asked"`
}

type peer struct {
	mutex sync.Mutex
	seen  look
	pc    *webrtc.PeerConnection
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "rtcp" {
		judge(os.Stdin, os.Stdout)
		return
	}
	flag.Parse()
	one := &peer{seen: look{Packets: map[string]int{}, Types: map[string][]int{}, Errors: []string{}}}
	if err := one.run(bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

func (p *peer) run(in *bufio.Scanner, out *json.Encoder) error {
	in.Buffer(nil, maxFrame)
	if err := p.open(); err != nil {
		return err
	}
	defer p.pc.Close()
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	if err := out.Encode(map[string]string{"offer": p.pc.LocalDescription().SDP}); err != nil {
		return err
	}
	if !in.Scan() {
		return in.Err()
	}
	var answer webrtc.SessionDescription
	if err := json.Unmarshal(in.Bytes(), &answer); err != nil {
		return err
	}
	if err := p.pc.SetRemoteDescription(answer); err != nil {
		return err
	}
	for {
		p.mutex.Lock()
		p.seen.State = p.pc.ConnectionState().String()
		err := out.Encode(p.seen)
		p.mutex.Unlock()
		if err != nil || !in.Scan() {
			return err
		}
	}
}

func (p *peer) open() error {
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := register(engine); err != nil {
		return err
	}
	if err := webrtc.RegisterDefaultInterceptors(engine, registry); err != nil {
		return err
	}
	if err := webrtc.ConfigureTWCCHeaderExtensionSender(engine, registry); err != nil {
		return err
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if *profile != "" {
		settings.SetSRTPProtectionProfiles(profiles[*profile])
	}
	api := webrtc.NewAPI(
		webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings),
	)
	var err error
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	p.pc.OnTrack(p.receive)
	if err := p.send(*spoken, webrtc.MimeTypeOpus, "voice", 20*time.Millisecond); err != nil {
		return err
	}
	if err := p.send(*sent, mime(*sent), "picture", *every); err != nil {
		return err
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		for range *slots {
			init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
			if _, err := p.pc.AddTransceiverFromKind(kind, init); err != nil {
				return err
			}
		}
	}
	return nil
}

// register offers the codecs of the arguments, each with its retransmission.
func register(engine *webrtc.MediaEngine) error {
	opus := webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}}
	if err := engine.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	parameters := map[string]string{
		"H264": "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
	for at, name := range strings.Split(*offered, ",") {
		number := webrtc.PayloadType(100 + 2*at)
		picture := webrtc.RTPCodecParameters{PayloadType: number, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: "video/" + name, ClockRate: 90000, SDPFmtpLine: parameters[name], RTCPFeedback: feedback,
		}}
		again := webrtc.RTPCodecParameters{PayloadType: number + 1, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=" + itoa(int(number)),
		}}
		for _, codec := range []webrtc.RTPCodecParameters{picture, again} {
			if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
				return err
			}
		}
	}
	return nil
}

func itoa(number int) string {
	text, _ := json.Marshal(number)
	return string(text)
}

func mime(file string) string {
	return "video/" + strings.ToUpper(strings.TrimPrefix(filepath.Ext(file), "."))
}

// send adds a track and plays a file on it once the connection stands; a keyframe asked for begins it anew.
func (p *peer) send(file, kind, id string, pause time.Duration) error {
	if file == "" {
		return nil
	}
	frames, err := read(file)
	if err != nil {
		return err
	}
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: kind}, id, "pion")
	if err != nil {
		return err
	}
	init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
	transceiver, err := p.pc.AddTransceiverFromTrack(track, init)
	if err != nil {
		return err
	}
	asked := make(chan struct{}, 1)
	go p.listen(transceiver.Sender(), asked)
	go func() {
		at := 0
		for range time.Tick(pause) {
			if p.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
				continue
			}
			select {
			case <-asked:
				at = 0
			default:
			}
			if track.WriteSample(media.Sample{Data: frames[at], Duration: pause}) != nil {
				return
			}
			at = (at + 1) % len(frames)
		}
	}()
	return nil
}

func (p *peer) listen(sender *webrtc.RTPSender, asked chan<- struct{}) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.mutex.Lock()
				p.seen.Asked++
				p.mutex.Unlock()
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		}
	}
}

// read takes a file of frames, each behind its length in four bytes.
func read(file string) ([][]byte, error) {
	source, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	var frames [][]byte
	for {
		var length uint32
		if err := binary.Read(source, binary.BigEndian, &length); err == io.EOF {
			return frames, nil
		} else if err != nil || length > maxFrame {
			return nil, io.ErrUnexpectedEOF
		}
		frame := make([]byte, length)
		if _, err := io.ReadFull(source, frame); err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
}

func (p *peer) receive(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid := receiver.RTPTransceiver().Mid()
	writers := map[string]*writer{}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		kind := track.Codec().MimeType
		p.note(mid, packet)
		into := writers[kind]
		if into == nil {
			into = newWriter(mid, kind, track.Codec().ClockRate)
			writers[kind] = into
		}
		if err := into.write(packet); err != nil {
			p.fail(err)
			return
		}
	}
}

func (p *peer) note(mid string, packet *rtp.Packet) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.seen.Packets[mid]++
	for _, known := range p.seen.Types[mid] {
		if known == int(packet.PayloadType) {
			return
		}
	}
	p.seen.Types[mid] = append(p.seen.Types[mid], int(packet.PayloadType))
}

func (p *peer) fail(err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.seen.Errors = append(p.seen.Errors, err.Error())
}

// writer puts one slot's frames of one codec into a file.
type writer struct {
	builder *samplebuilder.SampleBuilder
	path    string
	count   int
}

func newWriter(mid, kind string, clock uint32) *writer {
	var depacketizer rtp.Depacketizer
	switch strings.ToLower(kind) {
	case "video/vp8":
		depacketizer = &codecs.VP8Packet{}
	case "video/h264":
		depacketizer = &codecs.H264Packet{}
	default:
		depacketizer = &codecs.OpusPacket{}
	}
	name := mid + "." + strings.ToLower(strings.Split(kind, "/")[1])
	return &writer{
		builder: samplebuilder.New(maxLate, depacketizer, clock), path: filepath.Join(*recorded, name),
	}
}

func (w *writer) write(packet *rtp.Packet) error {
	w.builder.Push(packet)
	for sample := w.builder.Pop(); sample != nil; sample = w.builder.Pop() {
		if *recorded == "" || w.count >= maxRecorded {
			continue
		}
		w.count++
		file, err := os.OpenFile(w.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		frame := binary.BigEndian.AppendUint32(nil, uint32(len(sample.Data)))
		_, err = file.Write(append(frame, sample.Data...))
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
