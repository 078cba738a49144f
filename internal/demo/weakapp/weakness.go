package weakapp

import (
	"fmt"
	"slices"
	"strings"
)

// Weakness names one thing that is wrong with the app and can be put right at run time.
type Weakness string

// The weaknesses. Those of the portal stand on its plain port unless said otherwise.
const (
	// GitConfig serves the repository's configuration, with a remote that carries a
	// (fake) token, at /.git/config.
	GitConfig Weakness = "git-config"
	// OpenAdmin shows the administration page at /admin to anyone.
	OpenAdmin Weakness = "open-admin"
	// DefaultLogin lets DefaultUser in with DefaultPassword.
	DefaultLogin Weakness = "default-login"
	// MissingHeaders leaves out the headers that limit framing, sniffing and downgrade.
	MissingHeaders Weakness = "missing-headers"
	// EchoedPath is no weakness at all but the cause of a false one: the portal's
	// "nothing here" page repeats the address it was asked for, with status 200, so a
	// check that looks for "backup.zip" in the answer to /backup.zip finds it.
	EchoedPath Weakness = "echoed-path"
	// ExpiredCertificate has the portal's TLS port show a certificate past its end.
	ExpiredCertificate Weakness = "expired-certificate"
	// OldTLS has the portal's TLS port accept TLS 1.0 and 1.1.
	OldTLS Weakness = "old-tls"
	// ClusterEnv has the file store hand its environment to anyone who asks, as the
	// object store of CVE-2023-28432 did.
	ClusterEnv Weakness = "cluster-env"
	// DebugConsole keeps the file store's console port open, with no password. Switched
	// off, nothing listens there any more.
	DebugConsole Weakness = "debug-console"
)

// All lists every weakness, in the order of the constants.
func All() []Weakness {
	return []Weakness{
		GitConfig, OpenAdmin, DefaultLogin, MissingHeaders, EchoedPath,
		ExpiredCertificate, OldTLS, ClusterEnv, DebugConsole,
	}
}

// Parse reads a comma-separated list of weaknesses; an empty text is an empty list.
func Parse(text string) ([]Weakness, error) {
	var list []Weakness
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		w := Weakness(name)
		if err := w.check(); err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func (w Weakness) check() error {
	if !slices.Contains(All(), w) {
		return fmt.Errorf("%q is not a weakness of this app (it has %v)", string(w), All())
	}
	return nil
}
