package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/fault"
)

// Config is how a quell-probe is set up. Secrets are named by their files.
type Config struct {
	Vantage     string         `yaml:"vantage" json:"vantage"`
	Templates   []string       `yaml:"templates" json:"templates"`       // directories, the first wins
	StateDir    string         `yaml:"state_dir" json:"state_dir"`       // its own; made with mode 0700
	KeyFile     string         `yaml:"key_file" json:"key_file"`         // empty: vantage.key in StateDir
	NameServers []string       `yaml:"name_servers" json:"name_servers"` // for DNS templates; none: the system's
	Timeout     time.Duration  `yaml:"timeout" json:"timeout"`           // of one probe
	Concurrency int            `yaml:"concurrency" json:"concurrency"`   // probes at a time
	MaxProbes   int            `yaml:"max_probes" json:"max_probes"`     // then the process is replaced
	MemoryLimit int            `yaml:"memory_limit_mib" json:"memory_limit_mib"`
	Drain       time.Duration  `yaml:"drain" json:"drain"` // for running probes to end when told to stop
	Temporal    TemporalConfig `yaml:"temporal" json:"temporal"`
	Evidence    EvidenceConfig `yaml:"evidence" json:"evidence"`
}

// TemporalConfig says where the tasks come from.
type TemporalConfig struct {
	Address    string `yaml:"address" json:"address"`
	Namespace  string `yaml:"namespace" json:"namespace"`
	TLS        bool   `yaml:"tls" json:"tls"`
	CAFile     string `yaml:"ca_file" json:"ca_file"`
	CertFile   string `yaml:"cert_file" json:"cert_file"`
	TLSKeyFile string `yaml:"key_file" json:"key_file"`
	ServerName string `yaml:"server_name" json:"server_name"`
	APIKeyFile string `yaml:"api_key_file" json:"api_key_file"`
}

// EvidenceConfig says where evidence goes.
type EvidenceConfig struct {
	URL       string `yaml:"url" json:"url"` // of the daemon's API, without /api/v1
	TokenFile string `yaml:"token_file" json:"token_file"`
	Plain     bool   `yaml:"plain" json:"plain"` // allow http beyond loopback
}

// DefaultConfig is what applies where nothing is said.
func DefaultConfig() Config {
	const timeout, drain = time.Minute, 90 * time.Second
	return Config{Timeout: timeout, Concurrency: 4, MaxProbes: 200, MemoryLimit: 512, Drain: drain,
		Temporal: TemporalConfig{Address: "127.0.0.1:7233", Namespace: "default"}}
}

// ReadConfig reads a YAML file over the defaults. Unknown keys are errors.
func ReadConfig(path string) (Config, error) {
	c := DefaultConfig()
	body, err := readCapped(path)
	if err != nil {
		return c, fault.Wrap(fault.Invalid, err, "reading "+path)
	}
	err = decodeConfig(body, &c)
	return c, fault.Wrap(fault.Invalid, err, "reading "+path)
}

func decodeConfig(body []byte, c *Config) error {
	decoder := yaml.NewDecoder(bytes.NewReader(body))
	decoder.KnownFields(true)
	if err := decoder.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

var vantageName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62})$`)

// Validate checks the configuration, makes its paths absolute, and reports every
// problem at once.
func (c *Config) Validate() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(vantageName.MatchString(c.Vantage), "vantage: %q is not a name of letters, digits, '.', '_' and '-'", c.Vantage)
	need(len(c.Templates) > 0, "templates: no directory is named")
	need(c.StateDir != "", "state_dir: it is not set")
	need(c.Temporal.Address != "", "temporal.address: it is not set")
	need(c.Temporal.Namespace != "", "temporal.namespace: it is not set")
	need(c.Evidence.URL != "", "evidence.url: it is not set")
	need(c.Evidence.TokenFile != "", "evidence.token_file: it is not set")
	need((c.Temporal.CertFile == "") == (c.Temporal.TLSKeyFile == ""), "temporal: cert_file and key_file go together")
	const leastMemory = 128
	need(c.MemoryLimit >= leastMemory, "memory_limit_mib: %d is less than %d, which the engine needs", c.MemoryLimit, leastMemory)
	need(c.MaxProbes > 0, "max_probes: %d is not positive", c.MaxProbes)
	need(c.Concurrency > 0, "concurrency: %d is not positive", c.Concurrency)
	need(c.Timeout >= time.Second, "timeout: %s is less than a second", c.Timeout)
	need(c.Drain > 0, "drain: %s is not positive", c.Drain)
	for _, server := range c.NameServers {
		_, err := netip.ParseAddrPort(server)
		need(err == nil, "name_servers: %q is not ip:port", server)
	}
	if c.KeyFile == "" && c.StateDir != "" {
		c.KeyFile = filepath.Join(c.StateDir, "vantage.key")
	}
	for _, path := range c.paths() {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		need(err == nil, "path %q: %v", *path, err)
		*path = absolute
	}
	return fault.Wrap(fault.Invalid, errors.Join(errs...), "checking the configuration")
}

func (c *Config) paths() []*string {
	single := [...]*string{&c.StateDir, &c.KeyFile, &c.Temporal.CAFile, &c.Temporal.CertFile, &c.Temporal.TLSKeyFile, &c.Temporal.APIKeyFile, &c.Evidence.TokenFile}
	paths := make([]*string, 0, len(single)+len(c.Templates))
	paths = append(paths, single[:]...)
	for i := range c.Templates {
		paths = append(paths, &c.Templates[i])
	}
	return paths
}

// home makes the private home of a child process in the state directory, empty of what
// earlier ones left behind.
func (c *Config) home() (string, error) {
	const private = 0o700
	if err := os.MkdirAll(c.StateDir, private); err != nil {
		return "", fault.Wrap(fault.Invalid, err, "making the state directory")
	}
	if err := os.Chmod(c.StateDir, private); err != nil {
		return "", fault.Wrap(fault.Invalid, err, "closing the state directory to others")
	}
	home := filepath.Join(c.StateDir, "home")
	if err := os.RemoveAll(home); err != nil {
		return "", fault.Wrap(fault.Invalid, err, "emptying the private home")
	}
	return home, fault.Wrap(fault.Invalid, os.Mkdir(home, private), "making the private home")
}

// systemNameServers reads the name servers of a resolv.conf.
func systemNameServers(path string) []string {
	body, err := os.ReadFile(path)
	if err != nil { // none: DNS templates will say so
		return nil
	}
	var servers []string
	for line := range strings.Lines(string(body)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if addr, err := netip.ParseAddr(fields[1]); err == nil && addr.Zone() == "" {
			servers = append(servers, net.JoinHostPort(addr.String(), "53"))
		}
	}
	return servers
}
