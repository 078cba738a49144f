package exposure

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// VerificationOf says how an exposure can be verified, by the best of its findings: a
// nuclei finding by its own template, an open port by a TCP connect, a TLS or HTTP-header
// weakness by a direct check, a single CVE on a network target by a template that claims
// it. Packages, cloud settings, code and whatever is not recognised for certain are
// verified by a covering run of their source only: a probe that tests the wrong thing
// could refute what is there.
func VerificationOf(a asset.Asset, findings []Finding) Verification {
	best := Verification{Method: MethodCoveringRun}
	for i := range findings {
		v := verificationOf(&a, &findings[i])
		if methodRank(v.Method) > methodRank(best.Method) {
			best = v
		}
	}
	return best
}

func methodRank(m Method) int {
	return slices.Index([]Method{MethodCoveringRun, MethodCVETemplate, MethodHTTPHeader, MethodTLS, MethodConnect, MethodTemplate}, m)
}

func verificationOf(a *asset.Asset, f *Finding) Verification {
	covering := Verification{Method: MethodCoveringRun}
	if f.Package != nil || f.Class == ClassSecret {
		return covering
	}
	scheme, id, _ := strings.Cut(f.Check, ":")
	target := targetOf(a, f)
	if target == "" {
		return covering
	}
	if scheme == "nuclei" {
		template, _, _ := strings.Cut(id, ":") // a matcher's name may follow
		return Verification{Method: MethodTemplate, Check: template, Target: target}
	}
	switch {
	case isOpenPort(scheme, id):
		if hostport := hostPort(target); hostport != "" {
			return Verification{Method: MethodConnect, Target: hostport}
		}
	case tlsChecks[f.Check] != "":
		if hostport := hostPort(target); hostport != "" {
			return Verification{Method: MethodTLS, Check: tlsChecks[f.Check], Target: hostport}
		}
	case missingHeader(f) != "":
		return Verification{Method: MethodHTTPHeader, Check: missingHeader(f), Target: webTarget(target, f)}
	}
	if len(f.CVEs) == 1 && networked(a.Kind) {
		return Verification{Method: MethodCVETemplate, Check: f.CVEs[0], Target: target}
	}
	return covering
}

// networked reports whether assets of a kind answer on a network themselves.
func networked(k asset.Kind) bool {
	switch k {
	case asset.Host, asset.WebApplication, asset.API, asset.Domain, "":
		return true
	case asset.CloudResource, asset.ContainerImage, asset.Repository, asset.SaaSApplication, asset.Identity:
	}
	return false
}

// targetOf is the address as the source probed it, else one made of the asset's best
// address and the port that is the location. Port 0 is how scanners say "on the host
// itself", where no probe can look.
func targetOf(a *asset.Asset, f *Finding) string {
	if f.Target != "" {
		return f.Target
	}
	port, protocol, ok := portOf(f.Location)
	if !ok || port == 0 || protocol != "tcp" {
		return ""
	}
	for _, kind := range []asset.IdentifierKind{asset.FQDN, asset.IP} {
		for i := range a.Identifiers {
			if id := &a.Identifiers[i]; id.Kind == kind {
				return net.JoinHostPort(id.Value, strconv.Itoa(port))
			}
		}
	}
	return ""
}

// hostPort is the host:port of a URL or host:port; empty if it has no port.
func hostPort(target string) string {
	if host, port, err := net.SplitHostPort(target); err == nil && host != "" && port != "" && port != "0" {
		return target
	}
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	switch port := u.Port(); {
	case port != "":
		return net.JoinHostPort(u.Hostname(), port)
	case u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), "443")
	case u.Scheme == "http":
		return net.JoinHostPort(u.Hostname(), "80")
	}
	return ""
}

// webTarget makes a URL of a host:port, where the source gave no URL.
func webTarget(target string, f *Finding) string {
	if strings.Contains(target, "://") {
		return target
	}
	scheme := "http"
	if _, port, err := net.SplitHostPort(target); err == nil && (port == "443" || port == "8443") || missingHeader(f) == "Strict-Transport-Security" {
		scheme = "https" // HSTS means nothing elsewhere
	}
	return scheme + "://" + target + "/"
}

// isOpenPort knows the checks whose whole finding is that a TCP port answers.
func isOpenPort(scheme, id string) bool {
	switch scheme {
	case "nessus":
		return id == "11219" || id == "10335" // SYN scanner, TCP scanner
	case "nmap", "generic", "naabu", "fake":
		return id == "open-port"
	}
	return false
}

// The direct TLS checks: what a probe can see for itself in a handshake. They are the
// Check of a Verification with MethodTLS.
const (
	TLSSelfSigned  = "self_signed"
	TLSUntrusted   = "untrusted"
	TLSExpired     = "expired"
	TLSWrongName   = "wrong_name"
	TLSWeakHash    = "weak_hash"
	TLSShortKey    = "short_key"
	TLSVersion10   = "tls1.0"
	TLSVersion11   = "tls1.1"
	TLSCipherRC4   = "rc4"
	TLSCipher3DES  = "3des"
	TLSVersionSSL3 = "ssl3"
)

// tlsChecks maps sources' TLS checks to ours: only those that are exactly one of them.
var tlsChecks = map[string]string{
	"nessus:57582":    TLSSelfSigned,
	"nessus:51192":    TLSUntrusted,
	"nessus:15901":    TLSExpired,
	"nessus:45411":    TLSWrongName,
	"nessus:35291":    TLSWeakHash,
	"nessus:69551":    TLSShortKey,
	"nessus:104743":   TLSVersion10,
	"nessus:157288":   TLSVersion11,
	"nessus:65821":    TLSCipherRC4,
	"nessus:42873":    TLSCipher3DES, // SWEET32
	"nessus:78479":    TLSVersionSSL3,
	"nmap:ssl-poodle": TLSVersionSSL3,
}

// The headers whose absence is a finding in itself.
var securityHeaders = []string{"Strict-Transport-Security", "Content-Security-Policy", "X-Frame-Options",
	"X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy"}

// missingHeader names the one HTTP response header that a finding says is missing.
func missingHeader(f *Finding) string {
	switch f.Check {
	case "nessus:84502", "nessus:142960":
		return "Strict-Transport-Security"
	}
	title, found := strings.ToLower(f.Title), ""
	if !strings.Contains(title, "missing") && !strings.Contains(title, "not set") {
		return ""
	}
	for _, header := range securityHeaders {
		if strings.Contains(title, strings.ToLower(header)) {
			if found != "" {
				return "" // several: one present header would not refute it
			}
			found = header
		}
	}
	return found
}
