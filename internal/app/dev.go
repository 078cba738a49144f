package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/sandbox"
	"github.com/quellsec/quell/internal/secret"
)

// DevOptions are what `quell dev` is started with.
type DevOptions struct {
	Dir          string   // data directory; everything is in it
	Config       string   // quell.yaml; empty: Dir/quell.yaml, made at the first start
	Port         int      // of the API; 0 = 8088, or a free one if that is taken; any other must be free
	TemporalPort int      // 0 = 7233, likewise
	UIPort       int      // 0 = 8233, likewise
	Templates    []string // template directories of the probe, beside Dir/templates
	Sandbox      bool     // a Jira and a Slack to try it with, in place of the configuration's
	Version      string
	Out          io.Writer // for people
	Log          *slog.Logger
}

// DevInfo is what `quell dev` leaves in its data directory for the command line to find.
type DevInfo struct {
	URL      string `json:"url"`
	Token    string `json:"token"`
	UI       string `json:"ui"`
	Temporal string `json:"temporal"`        // address of its frontend, for the temporal CLI and auditors
	Jira     string `json:"jira,omitempty"`  // pages of the sandbox
	Slack    string `json:"slack,omitempty"` // likewise
	PID      int    `json:"pid"`
}

// Dev runs everything on this machine until ctx ends: store, Temporal dev server, API,
// worker and one probe.
func Dev(ctx context.Context, o DevOptions) (err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fault.New(fault.Invalid, "finding the data directory: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "templates"), 0o700); err != nil {
		return fault.New(fault.Invalid, "making the data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer lock()
	cfg, path, err := devConfig(dir, o)
	if err != nil {
		return err
	}
	temporal, err := startTemporal(ctx, dir, o.TemporalPort, o.UIPort, o.Log)
	if err != nil {
		return err
	}
	defer temporal.stop(childPatience, o.Log)
	cfg.Temporal.Address, cfg.Temporal.Namespace, cfg.Temporal.UI = temporal.address, devNamespace, temporal.ui
	port, err := choosePort(o.Port, usualPort)
	if err != nil {
		return err
	}
	cfg.Server.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if cfg.Server.PublicURL == "" {
		cfg.Server.PublicURL = "http://" + cfg.Server.Listen
	}
	cfg.Store = config.Store{Dir: filepath.Join(dir, "store")}
	var box *sandbox.Sandbox
	if o.Sandbox {
		if box, err = sandbox.Open(ctx, cfg, "http://"+cfg.Server.Listen, o.Log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, box.Close()) }()
	}
	a, err := assemble(ctx, cfg, o.Log)
	if err != nil {
		return err
	}
	defer a.close()
	return a.runDev(ctx, dir, path, temporal, box, o)
}

// childPatience is how long a child may take to end when asked.
const childPatience = 10 * time.Second

// The usual ports. Whoever finds them taken gets free ones.
const (
	usualPort         = 8088
	usualTemporalPort = 7233
	usualUIPort       = 8233
)

func (a *app) runDev(ctx context.Context, dir, config string, temporal *devServer, box *sandbox.Sandbox, o DevOptions) error {
	listener, err := a.listen(ctx)
	if err != nil {
		return err
	}
	admin, err := a.devToken(ctx, dir, "admin", api.RoleAdmin)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if _, err := a.devToken(ctx, dir, "probe", api.RoleProbe); err != nil {
		return errors.Join(err, listener.Close())
	}
	url := "http://" + a.cfg.Server.Listen
	return a.run(ctx, listener, o.Version, func(ctx context.Context) error {
		probe, err := a.startProbe(dir, url, temporal.address, o.Templates)
		if err != nil {
			return err
		}
		defer probe.stop(childPatience, o.Log)
		info := DevInfo{URL: url, Token: admin.Reveal(), UI: temporal.ui, Temporal: temporal.address, PID: os.Getpid()}
		if box != nil {
			info.Jira, info.Slack = box.JiraURL, box.SlackURL
		}
		if err := writeInfo(dir, info); err != nil {
			return err
		}
		welcome(o.Out, &info, config)
		select {
		case <-ctx.Done():
			return nil
		case <-probe.done:
			return fault.New(fault.Unavailable, "the probe ended: %s", probe.lastLines(dir))
		case <-temporal.done:
			return fault.New(fault.Unavailable, "the Temporal dev server ended: %s", temporal.lastLines(dir))
		}
	})
}

// devConfig reads the configuration, making one at the first start.
func devConfig(dir string, o DevOptions) (*config.Config, string, error) {
	path := o.Config
	if path == "" {
		path = filepath.Join(dir, "quell.yaml")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(path, []byte(firstConfig), 0o600); err != nil {
				return nil, path, fault.New(fault.Internal, "writing a first configuration: %w", err)
			}
		}
	}
	// The sources of the first configuration take uploads; a webhook's secret may come
	// from a file beside it.
	cfg, err := config.Load(path, config.Options{Connectors: builtin.Catalog{}})
	return cfg, path, err
}

// devToken gives a token that outlives restarts: its text is in a file that only its owner
// can read, its hash in the store.
func (a *app) devToken(ctx context.Context, dir, name string, role api.Role) (secret.String, error) {
	path := filepath.Join(dir, name+".token")
	if text, err := os.ReadFile(path); err == nil {
		if _, err := (tokens{a.store}).TokenByHash(ctx, api.HashToken(string(text))); err == nil {
			return secret.New(string(text)), nil
		}
	}
	token, text, err := api.NewToken("dev-"+name, role, nil, time.Time{}, now())
	if err != nil {
		return secret.String{}, err
	}
	if err := (tokens{a.store}).PutToken(ctx, token); err != nil {
		return secret.String{}, err
	}
	if err := os.WriteFile(path, []byte(text.Reveal()), 0o600); err != nil {
		return secret.String{}, fault.New(fault.Internal, "keeping the %s token: %w", name, err)
	}
	return text, nil
}

// startProbe starts the local probe with a token that allows it to upload evidence and
// nothing else.
func (a *app) startProbe(dir, url, temporal string, templates []string) (*child, error) {
	program, err := findProgram("quell-probe", "build it with `make build`")
	if err != nil {
		return nil, err
	}
	args := []string{"--vantage", "local", "--state-dir", filepath.Join(dir, "probe"),
		"--temporal-address", temporal, "--temporal-namespace", devNamespace,
		"--evidence-url", url, "--evidence-token-file", filepath.Join(dir, "probe.token")}
	for _, folder := range append([]string{filepath.Join(dir, "templates")}, templates...) {
		args = append(args, "--templates", folder)
	}
	// A home of its own: the engine writes there as soon as it is loaded.
	return startChild("quell-probe", dir, []string{"HOME=" + filepath.Join(dir, "probe")}, program, args...)
}

func writeInfo(dir string, info DevInfo) error {
	raw, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Internal, err, "noting where quell listens")
	}
	path := filepath.Join(dir, "dev.json")
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return fault.New(fault.Internal, "noting where quell listens: %w", err)
	}
	return fault.Wrap(fault.Internal, os.Rename(path+".new", path), "noting where quell listens")
}

func welcome(out io.Writer, info *DevInfo, config string) {
	sandboxed := ""
	if info.Jira != "" {
		sandboxed = fmt.Sprintf("  Jira          %s (a sandbox, as is Slack)\n  Slack         %s\n", info.Jira, info.Slack)
	}
	fmt.Fprintf(out, `quell is up.

  API           %s
  Temporal UI   %s/namespaces/%s/workflows
%s  configuration %s
  admin token   %s

Three things to try, in another terminal:

  quell ingest report.nessus          take in a report (nuclei, nessus, nmap, trivy, CSV, JSON)
  quell intel import kev.json         load CISA's KEV catalogue, so that decisions can be made
  quell exposures                     see what is exposed, most urgent first

Ctrl-C stops everything.
`, info.URL, info.UI, devNamespace, sandboxed, config, info.Token)
}
