// Command sfu_pion is the smallest SFU that pion makes easy, to measure Teleward beside: one UDP port, ICE-lite, pion's
// default interceptors, AES-128-GCM, one slot for each source. It rewrites no numbers, since a slot here never changes
// what it shows; of simulcast it forwards one encoding.
//
// POST /join?room=R&rid=E takes an offer and returns the answer; E is the encoding of simulcast that the room forwards.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// bufferBytes is asked of the kernel for the one socket, both ways: what Teleward asks for.
const bufferBytes = 4 << 20

func main() {
	address := flag.String("address", "127.0.0.1", "where to listen, for HTTP and for media; one line of JSON tells the ports")
	flag.Parse()
	media, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(*address)})
	if err != nil {
		log.Fatal(err)
	}
	_ = media.SetReadBuffer(bufferBytes)
	_ = media.SetWriteBuffer(bufferBytes)
	api, err := newAPI(media)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort(*address, "0"))
	if err != nil {
		log.Fatal(err)
	}
	made := &sfu{api: api, rooms: map[string]*room{}}
	http.HandleFunc("POST /join", func(answer http.ResponseWriter, request *http.Request) {
		offer, err := io.ReadAll(io.LimitReader(request.Body, 1<<20))
		if err == nil {
			var sdp string
			sdp, err = made.join(request.FormValue("room"), request.FormValue("rid"), string(offer))
			if err == nil {
				_, _ = io.WriteString(answer, sdp)
				return
			}
		}
		http.Error(answer, err.Error(), http.StatusBadRequest)
	})
	_ = json.NewEncoder(os.Stdout).Encode(map[string]int{"port": listener.Addr().(*net.TCPAddr).Port})
	log.Fatal(http.Serve(listener, nil))
}

func newAPI(socket net.PacketConn) (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetLite(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, socket))
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	if err := settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, err
	}
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings),
	), nil
}
