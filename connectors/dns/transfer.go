package dns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	dnslib "github.com/miekg/dns"

	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/fault"
)

const (
	transferTimeout = 2 * time.Minute
	lookupTimeout   = 5 * time.Second
	mostRecords     = 2_000_000 // of a zone that is transferred
)

// transferNext transfers the zone behind the last one.
func (in *Instance) transferNext(ctx context.Context, at *cursor, page io.Writer) (done bool, err error) {
	i := 0
	if at.After != "" {
		i = slices.Index(in.config.Zones, at.After) + 1
	}
	if i >= len(in.config.Zones) {
		return true, nil
	}
	name := in.config.Zones[i]
	records, err := in.transfer(ctx, canonical(name))
	if err != nil {
		return false, fmt.Errorf("transferring %s: %w", name, err)
	}
	text, err := json.Marshal(map[string]any{"records": records})
	if err != nil {
		return false, fault.Wrap(fault.Internal, err, "encoding a zone")
	}
	wired := make([]record, len(records))
	for i := range records {
		wired[i] = record{Type: wire.Text(records[i].Type), Content: wire.Text(records[i].Content)}
	}
	at.After = name
	at.Claimed += len(records)
	at.Received += len(records)
	env := envelope{Version: 1, Zone: canonical(name), Whole: true, Page: text, Lookups: in.lookups(ctx, canonical(name), true, wired)}
	return i == len(in.config.Zones)-1, fault.Wrap(fault.Unavailable, json.NewEncoder(page).Encode(env), "writing a page")
}

// transferred is a record as a transfer gives it, in the words that Cloudflare has too.
type transferred struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
}

// transfer asks for a zone whole. It ends with the SOA record that it began with
// (RFC 5936, section 2.2), or it is an error: half a zone is none.
func (in *Instance) transfer(ctx context.Context, zone string) ([]transferred, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	conn, err := in.dial(ctx, in.config.Server)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends a read that waits
	defer stop()
	m := new(dnslib.Msg)
	m.SetAxfr(dnslib.Fqdn(zone))
	t := &dnslib.Transfer{Conn: &dnslib.Conn{Conn: conn}, ReadTimeout: transferTimeout}
	if in.config.TSIGName != "" {
		key := dnslib.Fqdn(strings.ToLower(in.config.TSIGName))
		m.SetTsig(key, dnslib.HmacSHA256, 300, in.now().Unix()) //nolint:mnd // seconds of fudge that RFC 8945 recommends
		t.TsigSecret = map[string]string{key: in.config.TSIGKey.Reveal()}
	}
	answers, err := t.In(m, in.config.Server)
	if err != nil {
		return nil, transferFault(ctx, err)
	}
	var out []transferred
	for a := range answers { // to its end, or its sender would wait for ever
		if a.Error != nil && err == nil {
			err = transferFault(ctx, a.Error)
		}
		if len(out)+len(a.RR) > mostRecords && err == nil {
			err = fault.New(fault.Invalid, "the zone has more than %d records", mostRecords)
			_ = conn.Close()
		}
		if err != nil {
			continue
		}
		for _, rr := range a.RR {
			h := rr.Header()
			out = append(out, transferred{h.Name, dnslib.TypeToString[h.Rrtype], strings.TrimPrefix(rr.String(), h.String())})
		}
	}
	if err != nil {
		return nil, err
	}
	if len(out) > 1 && out[len(out)-1].Type == "SOA" {
		out = out[:len(out)-1] // the end repeats the beginning
	}
	return out, nil
}

// transferFault gives an error of the protocol its kind.
func transferFault(ctx context.Context, err error) error {
	var refused *dnslib.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for the name server: %w", ctx.Err())
	case strings.Contains(err.Error(), "bad xfr rcode: 5"), strings.Contains(err.Error(), "bad xfr rcode: 9"), errors.Is(err, dnslib.ErrSig), errors.Is(err, dnslib.ErrAuth), errors.Is(err, dnslib.ErrKeyAlg):
		return fault.Wrap(fault.Denied, err, "the name server allows no transfer: check allow-transfer and the key")
	case strings.Contains(err.Error(), "bad xfr rcode: 3"):
		return fault.Wrap(fault.NotFound, err, "the name server has no such zone")
	case errors.As(err, &refused):
		return fault.Wrap(fault.Unavailable, err, "the name server answered wrongly")
	}
	return fault.Wrap(fault.Unavailable, err, "talking to the name server")
}

// dial connects to a configured server of ours, and never to a link-local address.
func (in *Instance) dial(ctx context.Context, server string) (net.Conn, error) {
	d := net.Dialer{Timeout: lookupTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		ip, err := netip.ParseAddrPort(address)
		if a := ip.Addr().Unmap(); err != nil || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
			return fault.New(fault.Denied, "connecting to %s: such an address is never a name server's", address)
		}
		return nil
	}}
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connecting to the name server: %w", ctx.Err())
		}
		if fault.Is(err, fault.Denied) {
			return nil, err //nolint:wrapcheck // it says it all
		}
		return nil, fault.Wrap(fault.Unavailable, err, "connecting to the name server")
	}
	return conn, nil
}

// lookups asks the configured resolver for the targets of aliases that lead out of what
// was read. What it doesn't answer clearly is left out: silence proves nothing.
func (in *Instance) lookups(ctx context.Context, zone string, whole bool, records []record) map[string]string {
	if in.config.Resolver == "" {
		return nil
	}
	out := map[string]string{}
	asked := 0
	for i := range records {
		to := records[i].target()
		if !strings.EqualFold(records[i].Type.String(), "CNAME") || bool(records[i].Disabled) || to == "" || whole && inside(to, zone) {
			continue
		}
		if _, known := out[to]; known || asked >= mostLookups || ctx.Err() != nil {
			continue
		}
		asked++
		if answer := in.lookup(ctx, to); answer != "" {
			out[to] = answer
		}
	}
	return out
}

// lookup asks for one name over TCP, which carries any answer whole. A name exists if any
// type of it does: only NXDOMAIN says that it doesn't.
func (in *Instance) lookup(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	conn, err := in.dial(ctx, in.config.Resolver)
	if err != nil {
		return ""
	}
	defer func() { _ = conn.Close() }() // it was read
	m := new(dnslib.Msg)
	m.SetQuestion(dnslib.Fqdn(name), dnslib.TypeA)
	client := dnslib.Client{Net: "tcp", Timeout: lookupTimeout}
	answer, _, err := client.ExchangeWithConnContext(ctx, m, &dnslib.Conn{Conn: conn})
	switch {
	case err != nil || answer == nil:
		return ""
	case answer.Rcode == dnslib.RcodeNameError:
		return missing
	case answer.Rcode == dnslib.RcodeSuccess:
		return found
	}
	return ""
}
