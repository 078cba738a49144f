package weakapp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/demo/weakapp"
)

func start(t *testing.T, opts weakapp.Options) *weakapp.App {
	t.Helper()
	app, err := weakapp.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, app.Close()) })
	return app
}

// answer is what one request got back.
type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, client *http.Client, method, address string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// newClient keeps cookies and no connections, so each request is one of its own.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
}

func TestEachHTTPWeaknessCanBeSwitchedOffAndOnAgain(t *testing.T) {
	defaults := url.Values{"username": {weakapp.DefaultUser}, "password": {weakapp.DefaultPassword}}
	tests := []struct {
		name     string
		weakness weakapp.Weakness
		method   string
		path     string
		files    bool // on the file store, not the portal
		form     url.Values
		weak     func(answer) bool
		fixed    func(answer) bool
	}{
		{
			name: "git config", weakness: weakapp.GitConfig, method: "GET", path: "/.git/config",
			weak:  func(a answer) bool { return a.status == 200 && strings.Contains(a.body, "[core]") },
			fixed: func(a answer) bool { return a.status == 404 && !strings.Contains(a.body, "[core]") },
		},
		{
			name: "git head", weakness: weakapp.GitConfig, method: "GET", path: "/.git/HEAD",
			weak:  func(a answer) bool { return a.body == "ref: refs/heads/main\n" },
			fixed: func(a answer) bool { return a.status == 404 },
		},
		{
			name: "admin page", weakness: weakapp.OpenAdmin, method: "GET", path: "/admin",
			weak:  func(a answer) bool { return strings.Contains(a.body, "Delete a customer") },
			fixed: func(a answer) bool { return a.status == 200 && strings.Contains(a.body, "<h1>Sign in</h1>") },
		},
		{
			name: "default login", weakness: weakapp.DefaultLogin, method: "POST", path: "/login", form: defaults,
			weak:  func(a answer) bool { return a.status == 200 && a.header.Get("Set-Cookie") != "" },
			fixed: func(a answer) bool { return a.status == 401 && a.header.Get("Set-Cookie") == "" },
		},
		{
			name: "headers", weakness: weakapp.MissingHeaders, method: "GET", path: "/",
			weak: func(a answer) bool {
				return a.header.Get("X-Frame-Options") == "" && a.header.Get("Strict-Transport-Security") == ""
			},
			fixed: func(a answer) bool {
				return a.header.Get("X-Frame-Options") == "DENY" && a.header.Get("X-Content-Type-Options") == "nosniff"
			},
		},
		{
			name: "echoed path", weakness: weakapp.EchoedPath, method: "GET", path: "/backup.zip",
			weak:  func(a answer) bool { return a.status == 200 && strings.Contains(a.body, "backup.zip") },
			fixed: func(a answer) bool { return a.status == 200 && !strings.Contains(a.body, "backup.zip") },
		},
		{
			name: "cluster environment", weakness: weakapp.ClusterEnv, method: "POST", path: weakapp.ClusterEnvPath, files: true,
			weak:  func(a answer) bool { return a.status == 200 && strings.Contains(a.body, "MINIO_ROOT_PASSWORD") },
			fixed: func(a answer) bool { return a.status == 404 },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := start(t, weakapp.Ephemeral())
			address := app.PortalURL() + test.path
			if test.files {
				address = app.FilesURL() + test.path
			}
			look := func() answer { return ask(t, newClient(t), test.method, address, test.form) }

			require.True(t, app.On(test.weakness))
			require.True(t, test.weak(look()), "weak at the start")

			require.NoError(t, app.Set(test.weakness, false))
			require.True(t, test.fixed(look()), "fixed once switched off")
			for _, other := range weakapp.All() {
				require.Equal(t, other != test.weakness, app.On(other), "%s", other)
			}

			require.NoError(t, app.Set(test.weakness, true))
			require.True(t, test.weak(look()), "weak again")
		})
	}
}

func TestTheSessionOfALoginOpensTheAdminPage(t *testing.T) {
	opts := weakapp.Ephemeral()
	opts.Off = []weakapp.Weakness{weakapp.OpenAdmin}
	app := start(t, opts)
	client := newClient(t)

	require.Contains(t, ask(t, client, "GET", app.PortalURL()+"/admin", nil).body, "<h1>Sign in</h1>")
	login := url.Values{"username": {weakapp.DefaultUser}, "password": {weakapp.DefaultPassword}}
	require.Equal(t, 200, ask(t, client, "POST", app.PortalURL()+"/login", login).status)
	require.Contains(t, ask(t, client, "GET", app.PortalURL()+"/admin", nil).body, "Delete a customer")
}

func TestTheEchoedPathIsNotMarkup(t *testing.T) {
	app := start(t, weakapp.Ephemeral())
	got := ask(t, newClient(t), "GET", app.PortalURL()+"/%3Cscript%3E", nil)
	require.Contains(t, got.body, "&lt;script&gt;")
	require.NotContains(t, got.body, "<script>")
}

func dial(t *testing.T, address string) (net.Conn, error) {
	t.Helper()
	return new(net.Dialer).DialContext(t.Context(), "tcp", address)
}

// handshake completes one TLS handshake without trusting anybody and returns what was
// agreed.
func handshake(t *testing.T, app *weakapp.App, lowest, highest uint16) (tls.ConnectionState, error) {
	t.Helper()
	address := strings.TrimPrefix(app.PortalTLSURL(), "https://")
	dialer := tls.Dialer{Config: &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         lowest, MaxVersion: highest,
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }()
	secured, ok := conn.(*tls.Conn)
	require.True(t, ok)
	return secured.ConnectionState(), nil
}

func TestTheCertificateIsExpiredUntilItIsRenewed(t *testing.T) {
	app := start(t, weakapp.Ephemeral())
	shown := func() *x509.Certificate {
		state, err := handshake(t, app, tls.VersionTLS12, tls.VersionTLS13)
		require.NoError(t, err)
		return state.PeerCertificates[0]
	}
	expired := shown()
	require.Equal(t, time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC), expired.NotAfter)

	require.NoError(t, app.Set(weakapp.ExpiredCertificate, false))
	current := shown()
	require.Equal(t, time.Date(2049, time.December, 31, 0, 0, 0, 0, time.UTC), current.NotAfter)
	require.NotEqual(t, expired.SerialNumber, current.SerialNumber)
	require.NoError(t, current.VerifyHostname("127.0.0.1"))

	require.NoError(t, app.Set(weakapp.ExpiredCertificate, true))
	require.Equal(t, expired.Raw, shown().Raw)
}

func TestOldTLSIsAcceptedUntilItIsSwitchedOff(t *testing.T) {
	app := start(t, weakapp.Ephemeral())
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		state, err := handshake(t, app, version, version)
		require.NoError(t, err)
		require.Equal(t, version, state.Version)
	}

	require.NoError(t, app.Set(weakapp.OldTLS, false))
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		_, err := handshake(t, app, version, version)
		require.ErrorContains(t, err, "protocol version")
	}
	state, err := handshake(t, app, tls.VersionTLS12, tls.VersionTLS12)
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS12), state.Version)
}

func TestTheTLSPortServesAPageWithNothingWrongInIt(t *testing.T) {
	app := start(t, weakapp.Ephemeral())
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}}
	front := ask(t, client, "GET", app.PortalTLSURL()+"/", nil)
	require.Equal(t, 200, front.status)
	require.Equal(t, "DENY", front.header.Get("X-Frame-Options"))
	require.Equal(t, 404, ask(t, client, "GET", app.PortalTLSURL()+"/.git/config", nil).status)
}

func TestTheConsolePortClosesAndOpensAgain(t *testing.T) {
	app := start(t, weakapp.Ephemeral())
	address := app.ConsoleAddr()
	talk := func() *bufio.Reader {
		conn, err := dial(t, address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		reader := bufio.NewReader(conn)
		line, err := reader.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, weakapp.ConsoleBanner+"\r\n", line)
		_, err = io.WriteString(conn, "status\n")
		require.NoError(t, err)
		line, err = reader.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "4 drives online\r\n", line)
		return reader
	}
	reader := talk()

	require.NoError(t, app.Set(weakapp.DebugConsole, false))
	_, err := reader.ReadByte()
	require.Error(t, err, "an open connection ends with the port")
	_, err = dial(t, address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, app.Set(weakapp.DebugConsole, false), "closing it twice is harmless")

	require.NoError(t, app.Set(weakapp.DebugConsole, true))
	require.Equal(t, address, app.ConsoleAddr())
	talk()
}

func TestAConsoleThatStartsOffCanBeOpened(t *testing.T) {
	opts := weakapp.Ephemeral()
	opts.Off = []weakapp.Weakness{weakapp.DebugConsole}
	app := start(t, opts)
	_, err := dial(t, app.ConsoleAddr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	require.NoError(t, app.Set(weakapp.DebugConsole, true))
	conn, err := dial(t, app.ConsoleAddr())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestAnAddressThatOthersCanReachIsRefused(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "10.0.0.1:0", "localhost:0", "127.0.0.1", ""} {
		for name, point := range map[string]func(*weakapp.Options) *string{
			"portal":  func(o *weakapp.Options) *string { return &o.Portal },
			"tls":     func(o *weakapp.Options) *string { return &o.PortalTLS },
			"files":   func(o *weakapp.Options) *string { return &o.Files },
			"console": func(o *weakapp.Options) *string { return &o.Console },
		} {
			t.Run(name+" on "+address, func(t *testing.T) {
				opts := weakapp.Ephemeral()
				*point(&opts) = address
				_, err := weakapp.Start(t.Context(), opts)
				require.ErrorContains(t, err, "loopback")
			})
		}
	}
}

func TestATakenPortFailsTheStartAndLeavesNothingListening(t *testing.T) {
	first := start(t, weakapp.Ephemeral())
	// An address of its own, so that nothing else takes the port between the two.
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.3:0")
	require.NoError(t, err)
	opts := weakapp.Ephemeral()
	opts.Portal = free.Addr().String()
	opts.Files = strings.TrimPrefix(first.FilesURL(), "http://")
	require.NoError(t, free.Close())

	_, err = weakapp.Start(t.Context(), opts)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	_, err = dial(t, opts.Portal)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestAnUnknownWeaknessIsRefused(t *testing.T) {
	app := start(t, weakapp.Ephemeral())
	require.ErrorContains(t, app.Set("sql-injection", false), "sql-injection")

	opts := weakapp.Ephemeral()
	opts.Off = []weakapp.Weakness{"sql-injection"}
	_, err := weakapp.Start(t.Context(), opts)
	require.ErrorContains(t, err, "sql-injection")
}

func TestAListOfWeaknessesIsRead(t *testing.T) {
	got, err := weakapp.Parse(" git-config, old-tls,")
	require.NoError(t, err)
	require.Equal(t, []weakapp.Weakness{weakapp.GitConfig, weakapp.OldTLS}, got)
	none, err := weakapp.Parse("")
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = weakapp.Parse("git-config,typo")
	require.ErrorContains(t, err, "typo")
}

func TestTheEndOfTheContextEndsTheApp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	app, err := weakapp.Start(ctx, weakapp.Ephemeral())
	require.NoError(t, err)
	conn, err := dial(t, app.ConsoleAddr())
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	_, err = reader.ReadString('\n')
	require.NoError(t, err)

	cancel()
	_, err = reader.ReadByte() // returns when the app hangs up
	require.Error(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, app.Close())
}

func TestCloseEndsEverythingAndMayBeCalledAgain(t *testing.T) {
	app, err := weakapp.Start(t.Context(), weakapp.Ephemeral())
	require.NoError(t, err)
	require.NoError(t, app.Close())
	require.NoError(t, app.Close())
	for _, address := range []string{app.PortalURL(), app.PortalTLSURL(), app.FilesURL(), "tcp://" + app.ConsoleAddr()} {
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		_, err = dial(t, parsed.Host)
		require.ErrorIs(t, err, syscall.ECONNREFUSED, address)
	}
	require.Error(t, app.Set(weakapp.DebugConsole, false))
}
