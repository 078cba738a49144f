package email_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/email"
	"github.com/quellsec/quell/connectors/notifiertest"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

const password = "c0rrect-horse"

// server is a mail server with a box, in the words of RFC 5321. Like most, it shows mails
// with one Message-ID once.
type server struct {
	t        *testing.T
	listener net.Listener
	tls      *tls.Config
	mu       sync.Mutex
	fate     notifiertest.Fate
	offers   string // after AUTH
	mails    []*mail.Message
	bodies   []string
	rcpt     []string
	plain    bool // a password came over plain text
}

func newServer(t *testing.T, implicit bool) (*server, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	s := &server{t: t, offers: "PLAIN LOGIN", tls: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}}
	s.listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	if implicit {
		s.listener = tls.NewListener(s.listener, s.tls)
	}
	t.Cleanup(func() { _ = s.listener.Close() })
	go func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			go s.talk(conn, implicit)
		}
	}()
	return s, ca
}

func (s *server) next(f notifiertest.Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fate = f
}

// talk is one conversation.
func (s *server) talk(conn net.Conn, secured bool) {
	defer func() { _ = conn.Close() }()
	s.mu.Lock()
	fate := s.fate
	s.fate = notifiertest.Fine
	s.mu.Unlock()
	in := bufio.NewReader(conn)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format+"\r\n", args...) }
	say("220 mail.example ESMTP")
	var to []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			if secured {
				say("250-mail.example\r\n250-8BITMIME\r\n250 AUTH %s", s.offers)
			} else {
				say("250-mail.example\r\n250 STARTTLS")
			}
		case "STARTTLS":
			say("220 go ahead")
			conn = tls.Server(conn, s.tls)
			in, secured = bufio.NewReader(conn), true
		case "AUTH":
			s.auth(in, say, rest, secured, fate)
		case "MAIL":
			if fate == notifiertest.Down {
				say("451 try again later")
				return
			}
			say("250 ok")
		case "RCPT":
			if strings.Contains(rest, "nobody@") {
				say("550 no such user")
				continue
			}
			to = append(to, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			raw := readData(in)
			s.take(raw, to)
			if fate == notifiertest.Lost {
				return
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func (s *server) auth(in *bufio.Reader, say func(string, ...any), rest string, secured bool, fate notifiertest.Fate) {
	s.plain = s.plain || !secured
	method, first, _ := strings.Cut(rest, " ")
	given := first
	if method == "LOGIN" {
		say("334 %s", base64.StdEncoding.EncodeToString([]byte("Username:")))
		user, _ := in.ReadString('\n')
		say("334 %s", base64.StdEncoding.EncodeToString([]byte("Password:")))
		word, _ := in.ReadString('\n')
		u, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(user))
		p, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(word))
		given = base64.StdEncoding.EncodeToString([]byte("\x00" + string(u) + "\x00" + string(p)))
	}
	raw, _ := base64.StdEncoding.DecodeString(given)
	if fate == notifiertest.Forbidden || string(raw) != "\x00quell\x00"+password {
		say("535 no: %s", given) // some servers repeat what they were told
		return
	}
	say("235 ok")
}

func readData(in *bufio.Reader) string {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (s *server) take(raw string, to []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		s.t.Errorf("a mail that can't be read: %v", err)
		return
	}
	for _, known := range s.mails {
		if known.Header.Get("Message-ID") == m.Header.Get("Message-ID") {
			return
		}
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		s.t.Errorf("a mail that can't be read: %v", err)
	}
	s.mails, s.bodies, s.rcpt = append(s.mails, m), append(s.bodies, string(body)), append(s.rcpt, to...)
}

// parts gives the plain text and the HTML of a mail.
func (s *server) parts(i int) (text, page string) {
	s.t.Helper()
	_, params, err := mime.ParseMediaType(s.mails[i].Header.Get("Content-Type"))
	require.NoError(s.t, err)
	r := multipart.NewReader(strings.NewReader(s.bodies[i]), params["boundary"])
	var out []string
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(s.t, err)
		b, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(s.t, err)
		out = append(out, string(b))
	}
	require.Len(s.t, out, 2)
	return out[0], out[1]
}

func (s *server) open(ca string, edits ...func(*email.Config)) connectors.Poster {
	s.t.Helper()
	_, port, err := net.SplitHostPort(s.listener.Addr().String())
	require.NoError(s.t, err)
	reg := email.Registration()
	c, ok := reg.Config().(*email.Config)
	require.True(s.t, ok)
	_, err = fmt.Sscan(port, &c.Port)
	require.NoError(s.t, err)
	c.Host, c.CA, c.User, c.Password, c.From = "localhost", ca, "quell", secret.New(password), "quell <quell@example.com>"
	for _, edit := range edits {
		edit(c)
	}
	require.Empty(s.t, c.Validate())
	in, err := reg.Open(connectors.Env{HTTP: &http.Client{Timeout: time.Minute}, Now: func() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }}, c)
	require.NoError(s.t, err)
	poster, ok := in.(connectors.Poster)
	require.True(s.t, ok)
	return poster
}

func TestItIsANotifier(t *testing.T) {
	notifiertest.Run(t, func(t *testing.T) notifiertest.Rig {
		t.Helper()
		s, ca := newServer(t, false)
		return notifiertest.Rig{Notifier: s.open(ca), To: "payments@example.com", Bad: "nobody@example.com", Next: s.next, Unthrottled: true,
			Secrets: []string{password, base64.StdEncoding.EncodeToString([]byte("\x00quell\x00" + password))},
			Got: func() []string {
				s.mu.Lock()
				defer s.mu.Unlock()
				out := make([]string, 0, len(s.mails))
				for i := range s.mails {
					text, page := s.parts(i)
					require.NotContains(t, page, "<script>")
					require.Empty(t, s.mails[i].Header.Get("Bcc"))
					subject, err := new(mime.WordDecoder).DecodeHeader(s.mails[i].Header.Get("Subject"))
					require.NoError(t, err)
					out = append(out, subject+"\n"+text)
				}
				return out
			}}
	})
}

func TestThreadsReferToTheirFirstMail(t *testing.T) {
	s, ca := newServer(t, true)
	s.offers = "LOGIN"
	poster := s.open(ca, func(c *email.Config) { c.Security = "tls" })
	to := "ann@example.com, Bob <bob@example.com>"
	head, err := poster.Post(t.Context(), notifiertest.Message("one"), connectors.Attempt{To: to})
	require.NoError(t, err)
	_, err = poster.Post(t.Context(), notifiertest.Message("two"), connectors.Attempt{To: to, Head: head})
	require.NoError(t, err)
	_, err = poster.Post(t.Context(), notifiertest.Message("three"), connectors.Attempt{To: to, Head: "<x@y>\r\nBcc: all@example.com"})
	require.NoError(t, err)
	require.Len(t, s.mails, 3)
	require.Equal(t, string(head), s.mails[0].Header.Get("Message-ID"))
	require.Equal(t, string(head), s.mails[1].Header.Get("In-Reply-To"))
	require.Equal(t, string(head), s.mails[1].Header.Get("References"))
	require.Empty(t, s.mails[2].Header.Get("Bcc"))
	require.Empty(t, s.mails[2].Header.Get("In-Reply-To"))
	require.Len(t, s.rcpt, 6)
	text, page := s.parts(0)
	require.Contains(t, text, "Due: 2026-04-01")
	require.Contains(t, page, `<a href="https://quell.example.com/tickets/QT-1">ticket</a>`)
}

func TestNothingIsSaidOverPlainText(t *testing.T) {
	s, ca := newServer(t, false)
	poster := s.open("") // a certificate that nobody knows
	_, err := poster.Post(t.Context(), notifiertest.Message("x"), connectors.Attempt{To: "a@example.com"})
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	for _, bad := range []string{"", "no address", "a@example.com\r\nRCPT TO:<b@example.com>", "<a@example.com"} {
		_, err := s.open(ca).Post(t.Context(), notifiertest.Message("x"), connectors.Attempt{To: bad})
		require.True(t, fault.Is(err, fault.NotFound), "%q: %v", bad, err)
	}
	checker, ok := s.open(ca).(connectors.Checker)
	require.True(t, ok)
	require.Empty(t, checker.Check(t.Context()))
	require.False(t, s.plain)
	require.Empty(t, s.mails)
	c := &email.Config{Host: "x", Port: 25, Security: "none", From: "a@b.example", User: "u", Password: secret.New("p")}
	require.Len(t, c.Validate(), 1)
}
