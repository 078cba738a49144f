package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers the engine's own name lookups on a loopback port: the target's
// name with the pinned address, and every other name with "no such name". The engine
// insists on resolving by itself; so it asks here, and no lookup leaves the process.
type nameServer struct {
	conn net.PacketConn
	name string
	wall *wall
	done chan struct{}
}

func startNameServer(ctx context.Context, name string, w *wall) (*nameServer, error) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the engine's name server: %w", err)
	}
	s := &nameServer{conn: conn, name: strings.ToLower(strings.TrimSuffix(name, ".")), wall: w, done: make(chan struct{})}
	go s.serve()
	return s, nil
}

func (s *nameServer) address() string { return s.conn.LocalAddr().String() }

func (s *nameServer) close() error {
	err := s.conn.Close()
	<-s.done
	return err
}

func (s *nameServer) serve() {
	defer close(s.done)
	packet := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(packet)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a bad datagram on loopback is no reason to stop
		}
		if answer, err := s.answer(packet[:n]); err == nil {
			_, _ = s.conn.WriteTo(answer, from) // the engine asks again when an answer is lost
		}
	}
}

func (s *nameServer) answer(query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	asked := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	response := dnsmessage.Header{ID: header.ID, Response: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true}
	if asked != s.name {
		response.RCode = dnsmessage.RCodeNameError
		if !strings.HasPrefix(asked, s.name+".") { // a search domain after the target's own name is the engine's doing
			s.wall.stray(asked)
		}
	}
	b := dnsmessage.NewBuilder(nil, response)
	if err := errors.Join(b.StartQuestions(), b.Question(question), b.StartAnswers()); err != nil {
		return nil, err
	}
	if asked == s.name {
		if err := addressRecord(&b, question, s.wall.addr); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

func addressRecord(b *dnsmessage.Builder, question dnsmessage.Question, addr netip.Addr) error {
	const ttl = 60 // longer than it takes to look twice; the pin holds whatever is cached
	head := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: ttl}
	switch {
	case question.Type == dnsmessage.TypeA && addr.Is4():
		return b.AResource(head, dnsmessage.AResource{A: addr.As4()})
	case question.Type == dnsmessage.TypeAAAA && addr.Is6():
		return b.AAAAResource(head, dnsmessage.AAAAResource{AAAA: addr.As16()})
	}
	return nil
}
