package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// session is how long one conversation may take where the caller doesn't say.
const session = time.Minute

// dial connects, secures the connection, and signs in.
func (m *Mailer) dial(ctx context.Context) (*smtp.Client, error) {
	address := net.JoinHostPort(m.config.Host, strconv.Itoa(m.config.Port))
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return dialable(address) }}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, kinded(err, "connecting to the mail server")
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(session)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(kinded(err, "connecting to the mail server"), conn.Close())
	}
	secure, err := m.tls()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if m.config.Security == fullTLS {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, m.config.Host)
	if err != nil {
		return nil, errors.Join(kinded(err, "greeting the mail server"), conn.Close())
	}
	if err := m.begin(c, secure); err != nil {
		_ = c.Close() // it is given up; why is said
		return nil, err
	}
	return c, nil
}

// begin says hello, and whatever must come before a mail.
func (m *Mailer) begin(c *smtp.Client, secure *tls.Config) error {
	if err := c.Hello("quell.localdomain"); err != nil {
		return kinded(err, "greeting the mail server")
	}
	if m.config.Security == startTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return fault.New(fault.Denied, "securing the connection to the mail server: it offers no STARTTLS")
		}
		if err := c.StartTLS(secure); err != nil {
			return kinded(err, "securing the connection to the mail server")
		}
	}
	if m.config.User == "" {
		return nil
	}
	if m.config.Security == plain {
		return fault.New(fault.Denied, "signing in at the mail server: the connection is in plain text")
	}
	_, offered := c.Extension("AUTH")
	var auth smtp.Auth = &login{user: m.config.User, password: m.config.Password}
	if slices.Contains(strings.Fields(strings.ToUpper(offered)), "PLAIN") {
		auth = smtp.PlainAuth("", m.config.User, m.config.Password.Reveal(), m.config.Host)
	}
	if err := c.Auth(auth); err != nil {
		return signIn(err)
	}
	return nil
}

// signIn says that signing in failed, without the server's words, which may repeat what
// they were about.
func signIn(err error) error {
	var code *textproto.Error
	switch {
	case errors.As(err, &code) && code.Code >= 500:
		return fault.New(fault.Denied, "signing in at the mail server: it answered %d; check user and password", code.Code)
	case errors.As(err, &code):
		return fault.New(fault.Unavailable, "signing in at the mail server: it answered %d", code.Code)
	}
	return fault.New(fault.Unavailable, "signing in at the mail server: the conversation broke off")
}

func (m *Mailer) tls() (*tls.Config, error) {
	c := &tls.Config{ServerName: m.config.Host, MinVersion: tls.VersionTLS12}
	if m.config.CA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(m.config.CA)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "reading the mail server's certificates")
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Invalid, "reading the mail server's certificates: there are none in the file")
	}
	return c, nil
}

// send hands a mail over.
func (m *Mailer) send(ctx context.Context, from string, to []*mail.Address, body []byte) error {
	c, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // what the server said of the mail is what counts
	if err := c.Mail(from); err != nil {
		return refused(err, fault.Denied, "sending mail as "+from)
	}
	for _, a := range to {
		if err := c.Rcpt(a.Address); err != nil {
			return refused(err, fault.NotFound, "sending mail to "+a.Address)
		}
	}
	w, err := c.Data()
	if err != nil {
		return refused(err, fault.Invalid, "sending mail")
	}
	if _, err := w.Write(body); err != nil {
		return kinded(err, "sending mail")
	}
	if err := w.Close(); err != nil { // from here on it may have been taken
		return refused(err, fault.Invalid, "sending mail")
	}
	_ = c.Quit() // the mail is taken: a goodbye that fails changes nothing
	return nil
}

// refused gives what a server answers its kind: for good, or for now.
func refused(err error, forGood fault.Kind, doing string) error {
	var code *textproto.Error
	if !errors.As(err, &code) {
		return kinded(err, doing)
	}
	const permanent = 500
	if code.Code >= permanent {
		return fault.New(forGood, "%s: the mail server answered %d", doing, code.Code)
	}
	return fault.New(fault.Unavailable, "%s: the mail server answered %d", doing, code.Code)
}

// kinded is what broke the conversation.
func kinded(err error, doing string) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return fault.Wrap(known.Kind, err, doing)
	}
	var unknown x509.UnknownAuthorityError
	var wrong x509.HostnameError
	if errors.As(err, &unknown) || errors.As(err, &wrong) {
		return fault.Wrap(fault.Denied, err, doing)
	}
	return fault.Wrap(fault.Unavailable, err, doing)
}

// dialable refuses addresses at which clouds keep credentials: no mail server is there.
func dialable(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "connecting to the mail server")
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "connecting to the mail server")
	}
	if ip = ip.WithZone("").Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fault.New(fault.Denied, "connecting to the mail server: %s is never one's address", ip)
	}
	return nil
}
