// Command generator is the native load of `make bench WHAT=media`: many WebRTC peers in one process, which is told
// over standard input what to do, one JSON object a line, and answers likewise.
//
// It knows no server's signalling. It makes offers and answers, sends packets that carry when they were sent, and counts
// those that its receivers read; whoever drives it (`teleward_testing/media_load`) takes the SDP to the server under test.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
)

// A command is one line of input; which fields matter depends on Do.
type command struct {
	ID   int    `json:"id"`
	Do   string `json:"do"`
	Peer string `json:"peer"`
	// Sends lists what the peer sends; Audio and Video count the receive slots that it offers.
	Sends []source `json:"sends"`
	Audio int      `json:"audio"`
	Video int      `json:"video"`
	SDP   string   `json:"sdp"`
}

// A reply bears the ID of its command.
type reply struct {
	ID      int      `json:"id"`
	SDP     string   `json:"sdp,omitempty"`
	Counted *counted `json:"counted,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func main() {
	address := flag.String("address", "127.0.0.1", "the one local IPv4 address that peers use")
	flag.Parse()
	made, err := newGenerator(*address)
	if err != nil {
		log.Fatal(err)
	}
	var writing sync.Mutex
	write := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one command
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			log.Fatal(err)
		}
		go func() {
			answer := made.carryOut(one)
			writing.Lock()
			defer writing.Unlock()
			_ = write.Encode(answer)
		}()
	}
}

func (g *generator) carryOut(one command) reply {
	answer := reply{ID: one.ID}
	var err error
	switch one.Do {
	case "offer":
		answer.SDP, err = g.offer(one)
	case "accept":
		err = g.accept(one)
	case "answer":
		answer.SDP, err = g.answer(one)
	case "connected":
		err = g.connected(one)
	case "publish":
		g.publish()
	case "mark":
		g.counts.mark()
	case "count":
		answer.Counted = g.counts.read()
	default:
		err = fmt.Errorf("no such command: %q", one.Do)
	}
	if err != nil {
		answer.Error = err.Error()
	}
	return answer
}
