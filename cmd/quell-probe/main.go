// Command quell-probe verifies exposures from one vantage point. It supervises a child
// process, with an empty environment and a home of its own, that does the probing and is
// replaced every so many probes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	_ "time/tzdata" // windows of the rules of engagement name time zones

	"github.com/quellsec/quell/internal/probe"
)

const childFlag = "--child"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stderr))
}

func run(args []string, stdin io.Reader, stderr io.Writer) int {
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	ctx, stop := probe.StopSignals(context.Background())
	defer stop()
	if len(args) == 1 && args[0] == childFlag {
		return ended(log, probe.Child(ctx, stdin, log))
	}
	config, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return probe.ExitOK
	case err != nil:
		fmt.Fprintln(stderr, "quell-probe:", err)
		return probe.ExitUsage
	}
	if err := config.Validate(); err != nil {
		fmt.Fprintln(stderr, "quell-probe:", err)
		return probe.ExitConfig
	}
	binary, err := os.Executable()
	if err != nil {
		return ended(log, err)
	}
	supervisor := &probe.Supervisor{Config: config, Binary: binary, Args: []string{childFlag}, Stderr: stderr, Log: log}
	return ended(log, supervisor.Run(ctx))
}

func ended(log *slog.Logger, err error) int {
	if err != nil && !errors.Is(err, probe.ErrRecycle) {
		log.Error("quell-probe ends", "error", err.Error())
	}
	return probe.ExitCode(err)
}

// parse reads the file that --config names, if any, and the flags over it.
func parse(args []string, stderr io.Writer) (probe.Config, error) {
	config := probe.DefaultConfig()
	var err error
	if path := configPath(args); path != "" {
		if config, err = probe.ReadConfig(path); err != nil {
			return config, err
		}
	}
	flags := flag.NewFlagSet("quell-probe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.String("config", "", "YAML `file` with these settings; flags win over it")
	flags.StringVar(&config.Vantage, "vantage", config.Vantage, "`name` of this vantage point; its task queue is probe.NAME")
	list(flags, "templates", &config.Templates, "template `directory`; may be repeated, the first wins")
	flags.StringVar(&config.StateDir, "state-dir", config.StateDir, "`directory` of this probe's own, made with mode 0700")
	flags.StringVar(&config.KeyFile, "key-file", config.KeyFile, "Ed25519 key `file` to sign with, made at the first start (default vantage.key in the state directory)")
	list(flags, "name-server", &config.NameServers, "`ip:port` that DNS templates ask; may be repeated (default the system's)")
	flags.DurationVar(&config.Timeout, "timeout", config.Timeout, "`time` for one probe")
	flags.IntVar(&config.Concurrency, "concurrency", config.Concurrency, "probes at a `time`")
	flags.IntVar(&config.MaxProbes, "max-probes", config.MaxProbes, "`number` of probes after which the child process is replaced")
	flags.IntVar(&config.MemoryLimit, "memory-limit-mib", config.MemoryLimit, "soft memory limit of the child, in `MiB`")
	flags.DurationVar(&config.Drain, "drain", config.Drain, "`time` for running probes to end when told to stop")
	flags.StringVar(&config.Temporal.Address, "temporal-address", config.Temporal.Address, "`host:port` of Temporal")
	flags.StringVar(&config.Temporal.Namespace, "temporal-namespace", config.Temporal.Namespace, "Temporal `namespace`")
	flags.BoolVar(&config.Temporal.TLS, "temporal-tls", config.Temporal.TLS, "use TLS towards Temporal")
	flags.StringVar(&config.Temporal.CAFile, "temporal-ca-file", config.Temporal.CAFile, "PEM `file` with the CA of Temporal")
	flags.StringVar(&config.Temporal.CertFile, "temporal-cert-file", config.Temporal.CertFile, "PEM `file` with the client certificate for Temporal")
	flags.StringVar(&config.Temporal.TLSKeyFile, "temporal-key-file", config.Temporal.TLSKeyFile, "PEM `file` with the key of that certificate")
	flags.StringVar(&config.Temporal.ServerName, "temporal-server-name", config.Temporal.ServerName, "`name` in the certificate of Temporal, if not the host's")
	flags.StringVar(&config.Temporal.APIKeyFile, "temporal-api-key-file", config.Temporal.APIKeyFile, "`file` with the API key for Temporal Cloud")
	flags.StringVar(&config.Evidence.URL, "evidence-url", config.Evidence.URL, "base `URL` of the daemon's API; evidence is put below /api/v1/evidence/")
	flags.StringVar(&config.Evidence.TokenFile, "evidence-token-file", config.Evidence.TokenFile, "`file` with the token for evidence alone")
	flags.BoolVar(&config.Evidence.Plain, "evidence-plain", config.Evidence.Plain, "allow plain http for evidence beyond loopback")
	if err := flags.Parse(args); err != nil {
		return config, err
	}
	if flags.NArg() > 0 {
		return config, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return config, nil
}

// list is a flag that may be repeated; its first use replaces what the file says.
func list(flags *flag.FlagSet, name string, values *[]string, usage string) {
	first := true
	flags.Func(name, usage, func(value string) error {
		if first {
			*values, first = nil, false
		}
		*values = append(*values, value)
		return nil
	})
}

// configPath finds --config before the flags are parsed, since they go over the file.
func configPath(args []string) string {
	for i, arg := range args {
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case name != "config" || !strings.HasPrefix(arg, "-"):
		case joined:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}
