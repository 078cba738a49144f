package whole

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/daemon"
	"github.com/quellsec/quell/internal/fault"
)

// Words that open nothing: the house stands on loopback and is gone in minutes.
const (
	hookToken = "chaos-webhook-token"
	signing   = "chaos-signing-secret"
	annID     = "U0ANN0000"
	everybody = "C0EVERY00"
)

// house is all of it: the weak sites, the vendors, the daemon with its many lives, and
// those who keep and kill it.
type house struct {
	keeper   *keeper
	killer   *killer
	people   *people
	servers  []*http.Server
	log      *os.File
	patience time.Duration

	looked, told time.Time
	last         string // the last error of what was tried again
	exposures    []apiclient.Detail
	stories      []apiclient.Story
}

func openHouse(ctx context.Context, dir string, o *Options) (*house, error) {
	h := &house{patience: o.Patience}
	sites, err := openSites(ctx, o.Teams, o.Sites)
	if err != nil {
		return nil, err
	}
	api, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	quell := "http://127.0.0.1:" + strconv.Itoa(api)
	jira := jiratest.New(jiratest.Options{Token: "chaos", Email: "quell@chaos.example", Secret: signing, Lag: 2 * time.Second, Webhook: quell + "/hooks/trackers/jira"})
	slack := slacktest.New(slacktest.Options{Secret: signing, Endpoint: quell, Channels: channels(o.Teams),
		Users: []slacktest.User{{ID: annID, Name: "ann", Email: "ann@chaos.example"}}})
	jiraURL, err := h.serve(ctx, jira.Handler())
	if err != nil {
		return nil, err
	}
	slackURL, err := h.serve(ctx, slack.Handler())
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(filepath.Join(dir, "templates"), os.DirFS(o.Templates)); err != nil {
		return nil, fault.New(fault.Invalid, "copying the templates: %w", err)
	}
	if err := write(dir, "quell.yaml", configuration(dir, o, jiraURL, slackURL)); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"hook.token": hookToken, "jira.token": "chaos", "slack.token": "xoxb-chaos", "signing.secret": signing} {
		if err := write(dir, name, text); err != nil {
			return nil, err
		}
	}
	if h.log, err = os.Create(filepath.Join(filepath.Dir(dir), filepath.Base(dir)+".log")); err != nil {
		return nil, fault.New(fault.Internal, "opening the log of the chaos: %w", err)
	}
	fmt.Fprintf(o.Out, "note what the daemon says is in %s\n", h.log.Name())
	h.keeper = &keeper{options: daemon.Options{Binary: o.Binary, Dir: dir, Args: []string{"--port", strconv.Itoa(api)}, Log: h.log, Agent: "quell-chaos"}}
	h.killer = &killer{rand: newRand(o.Seed, 1), pause: o.Kill, kills: map[string]int{}}
	h.people = &people{rand: newRand(o.Seed, 2), sites: sites, jira: jira, slack: slack, chat: slackURL, alive: h.keeper.alive}
	return h, nil
}

func (h *house) serve(ctx context.Context, handler http.Handler) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fault.New(fault.Unavailable, "opening a vendor: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	h.servers = append(h.servers, server)
	go func() { _ = server.Serve(listener) }() // it ends with close
	return "http://" + listener.Addr().String(), nil
}

func (h *house) close() {
	h.people.sites.close()
	for _, server := range h.servers {
		_ = server.Close() // we are done with it
	}
	_ = h.log.Close() // likewise
}

// freePort finds a port that the daemon keeps over all its lives: vendors call it there.
func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fault.New(fault.Unavailable, "looking for a free port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil || !ok {
		return 0, fault.New(fault.Unavailable, "looking for a free port: %w", err)
	}
	return address.Port, nil
}

// channels are one for everybody and one for each team.
func channels(teams int) []slacktest.Channel {
	out := append(make([]slacktest.Channel, 0, 1+teams), slacktest.Channel{ID: everybody, Name: "everybody", Member: true})
	for n := range teams {
		out = append(out, slacktest.Channel{ID: channelOf(n), Name: fmt.Sprintf("team-%d", n+1), Member: true})
	}
	return out
}

func channelOf(team int) string { return fmt.Sprintf("C0TEAM%03d", team+1) }

// configuration is a quell.yaml with as many teams, each with the sites of its own network.
func configuration(dir string, o *Options, jira, slack string) string {
	var teams, routes, rooms strings.Builder
	for n := range o.Teams {
		fmt.Fprintf(&teams, "    - {name: team-%d, members: [ann]}\n", n+1)
		fmt.Fprintf(&routes, "      - {match: [\"identifier.label=127.1.%d.*\"], team: team-%[1]d}\n", n+1)
		fmt.Fprintf(&rooms, "        team-%d: %s\n", n+1, channelOf(n))
	}
	return strings.ReplaceAll(fmt.Sprintf(`sources:
  - {name: chaos, connector: nuclei, zone: chaos, local: true, webhook: {token: "${file:DIR/hook.token}", id_header: X-Delivery}}
scopes:
  - name: sites
    include: [{identifier: "label:127.1.*"}]
    mission_impact: high
    internet: "yes"
    engagement: {probe: true, consent: the chaos attacks only itself, vantage: local, networks: [127.0.0.0/8], rate_per_host: 50}
owners:
  people: [{name: ann, role: approver, slack: %s, email: ann@chaos.example}]
  teams:
%s  route:
    children:
%sfollow_up: {sweep: 1s, probe_wait: 1m, ticket_poll: 5s}
policy: {rate_per_minute: 6000}
trackers:
  - name: jira
    connector: jira
    config:
      url: %s
      user: quell@chaos.example
      token: ${file:DIR/jira.token}
      secret: ${file:DIR/signing.secret}
      project: SEC
      search_lag: 10
      transition_fields: {resolution: '{"name": "Done"}'}
notifiers:
  - name: slack
    connector: slack
    config:
      base_url: %s/api/
      token: ${file:DIR/slack.token}
      signing_secret: ${file:DIR/signing.secret}
      escalation: %s
      channels:
%s`, annID, teams.String(), routes.String(), jira, slack, everybody, rooms.String()), "DIR/", dir+"/")
}
