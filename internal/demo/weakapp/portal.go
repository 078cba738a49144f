package weakapp

import (
	"crypto/subtle"
	"fmt"
	"html"
	"io"
	"net/http"
)

// The login that DefaultLogin leaves in place.
const (
	DefaultUser     = "admin"
	DefaultPassword = "admin"
)

// sessionCookie is the name of the cookie that a login sets.
const sessionCookie = "portal_session"

// serverName is what a proxy in front of such an application would put in its answers;
// service detection goes by it.
const serverName = "nginx/1.24.0"

// maxForm bounds the body of a login, in bytes.
const maxForm = 4 << 10

// gitConfig is what a deployed checkout would leak. The token says that it is none.
//
//nolint:gosec // G101: fake, and says so
const gitConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
[remote "origin"]
	url = https://deploy:NOT-A-REAL-TOKEN@git.portal.example/portal.git
	fetch = +refs/heads/*:refs/remotes/origin/*
[branch "main"]
	remote = origin
	merge = refs/heads/main
`

func (a *App) portalHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		page(w, http.StatusOK, "Customer portal", `<p>Welcome. <a href="/login">Sign in</a> to see your orders.</p>`)
	})
	mux.HandleFunc("GET /.git/HEAD", a.gitFile("ref: refs/heads/main\n"))
	mux.HandleFunc("GET /.git/config", a.gitFile(gitConfig))
	mux.HandleFunc("/.git/", http.NotFound) // what else a checkout would hold is not here
	mux.HandleFunc("GET /admin", a.admin)
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) { signIn(w, http.StatusOK, "") })
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("/", a.nothingHere)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", serverName)
		if !a.weak.on(MissingHeaders) {
			protect(w)
		}
		mux.ServeHTTP(w, r)
	})
}

// gatewayHandler is behind the TLS port: a page with nothing wrong in it, so that what a
// scan finds there is about TLS alone.
func gatewayHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", serverName)
		protect(w)
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		page(w, http.StatusOK, "Payment gateway", `<p>The gateway is up.</p>`)
	})
}

// protect sets the headers that MissingHeaders leaves out.
func protect(w http.ResponseWriter) {
	w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	w.Header().Set("X-Frame-Options", "DENY")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'self'")
}

func (a *App) gitFile(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.weak.on(GitConfig) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, content)
	}
}

// admin asks for a login when it is not open. It answers 200 either way, as many portals
// do: a check has to look at the page, and a 403 would look like a firewall's.
func (a *App) admin(w http.ResponseWriter, r *http.Request) {
	if !a.weak.on(OpenAdmin) && !a.signedIn(r) {
		signIn(w, http.StatusOK, "")
		return
	}
	page(w, http.StatusOK, "Portal administration",
		`<ul><li>Delete a customer</li><li>Export all orders</li><li>Restart the shop</li></ul>`)
}

func (a *App) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form could not be read", http.StatusBadRequest)
		return
	}
	password := a.password
	if a.weak.on(DefaultLogin) {
		password = DefaultPassword
	}
	if !same(r.PostForm.Get("username"), DefaultUser) || !same(r.PostForm.Get("password"), password) {
		signIn(w, http.StatusUnauthorized, "<p>Wrong name or password.</p>")
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // G124: the portal has no TLS for its pages to insist on
		Name: sessionCookie, Value: a.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	page(w, http.StatusOK, "Your session", `<p>Signed in as <b>admin</b>. <a href="/admin">Administration</a></p>`)
}

func (a *App) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	return err == nil && same(cookie.Value, a.session)
}

func (a *App) nothingHere(w http.ResponseWriter, r *http.Request) {
	text := "Nothing is at this address."
	if a.weak.on(EchoedPath) {
		text = "We looked for " + html.EscapeString(r.URL.Path) + " and found nothing."
	}
	page(w, http.StatusOK, "Not found", "<p>"+text+"</p>")
}

func signIn(w http.ResponseWriter, status int, note string) {
	page(w, status, "Sign in", note+`<form method="post" action="/login"><input name="username"> `+
		`<input name="password" type="password"> <button>Sign in</button></form>`)
}

// page writes a small HTML page; body is markup, so callers escape what they repeat.
func page(w http.ResponseWriter, status int, title, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\"><head><title>%s</title></head>\n<body><h1>%s</h1>\n%s\n</body></html>\n",
		title, title, body)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
