package slack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type rig struct {
	*slack.Slack
	fake  *slacktest.Server
	clock *clock
	url   string
}

const (
	payments = "C0PAYMENT1"
	platform = "C0PLATFORM"
	private  = "C0PRIVATE1"
	ann      = "U0ANN00000"
	bob      = "U0BOB00000"
)

func newRig(t *testing.T, change func(*slack.Config, *slacktest.Options, *connectors.Env)) *rig {
	t.Helper()
	c := &clock{t: epoch}
	o := slacktest.Options{Token: "xoxb-good", AppToken: "xapp-good", Now: c.now,
		Users: []slacktest.User{{ID: ann, Name: "ann", Email: "ann@example.com"}, {ID: bob, Name: "bob", Email: "bob@example.com", Gone: true}},
		Channels: []slacktest.Channel{{ID: payments, Name: "payments-alerts", Member: true}, {ID: platform, Name: "platform"},
			{ID: private, Name: "board", Private: true}}}
	reg := slack.Registration()
	config, ok := reg.Config().(*slack.Config)
	require.True(t, ok)
	config.Token, config.AppToken, config.SigningSecret = secret.New("xoxb-good"), secret.New("xapp-good"), secret.New("s")
	config.Channels = map[string]string{"payments": payments, "platform": "#platform"}
	env := connectors.Env{Source: "slack", Now: c.now}
	if change != nil {
		change(config, &o, &env)
	}
	fake := slacktest.New(o)
	server := httptest.NewServer(fake.Handler())
	t.Cleanup(server.Close)
	config.BaseURL = server.URL + "/api/"
	require.Empty(t, config.Validate())
	env.HTTP = httpclient.New(httpclient.Options{Reach: reg.Reach(config), Rate: 1e6})
	opened, err := reg.Open(env, config)
	require.NoError(t, err)
	s, ok := opened.(*slack.Slack)
	require.True(t, ok)
	return &rig{Slack: s, fake: fake, clock: c, url: server.URL}
}

func message(cause string) connectors.Message {
	return connectors.Message{Cause: cause, To: "payments", Kind: "ticket", Subject: "OpenSSL before 3.0.7 on 5 hosts", Text: "Upgrade **openssl**.", Thread: "rem-1",
		Card: &connectors.Card{Title: "OpenSSL before 3.0.7", Where: "5 hosts", Why: []string{"in CISA's KEV", "reachable from the internet"}, Due: epoch.Add(72 * time.Hour),
			Owner: "payments (0.91)", State: "5 of 5 open", Decision: "act", Severity: "critical", Ticket: "PAY-7", URL: "https://jira.example.com/browse/PAY-7", Proof: "a probe will test it"},
		Actions: []connectors.Action{{Kind: "claim", Subject: "remediation:rem-1", Primary: true}, {Kind: "accept_risk", Subject: "remediation:rem-1", Danger: true}}}
}

func TestTheFirstMessageOfAThreadIsItsCardAndTheNextComeBelow(t *testing.T) {
	r := newRig(t, nil)
	head, err := r.Post(t.Context(), message("created"), connectors.Attempt{})
	require.NoError(t, err)
	again, err := r.Post(t.Context(), message("reminder"), connectors.Attempt{Head: head})
	require.NoError(t, err)
	require.NotEqual(t, head, again)

	all := r.fake.Messages(payments)
	require.Len(t, all, 2)
	require.Equal(t, string(head), payments+"/"+all[0].TS)
	require.Equal(t, all[0].TS, all[1].Thread)
	for _, part := range []string{"OpenSSL before 3.0.7", "*Where* 5 hosts", "*Why now* in CISA's KEV", "*Due* \\u003c!date", "*Who* payments (0.91)", "*Proof* a probe", "https://jira.example.com/browse/PAY-7|PAY-7", "quell/claim/0"} {
		require.Contains(t, string(all[0].Blocks), part)
	}
	require.NotContains(t, string(all[1].Blocks), "*Where*", "the card is there already")
	require.Contains(t, string(all[1].Blocks), "Upgrade *openssl*.")
}

func TestACardIsRewrittenInPlace(t *testing.T) {
	r := newRig(t, nil)
	m := message("created")
	head, err := r.Post(t.Context(), m, connectors.Attempt{})
	require.NoError(t, err)
	m.Card.State, m.Card.Done = "5 of 5 closed with proof", true
	require.NoError(t, r.Refresh(t.Context(), head, *m.Card, nil))
	all := r.fake.Messages(payments)
	require.Len(t, all, 1)
	require.Contains(t, string(all[0].Blocks), "5 of 5 closed with proof")
	require.NotContains(t, string(all[0].Blocks), "quell/claim")
	require.NotEmpty(t, all[0].Metadata, "a card that is rewritten still carries its cause")

	r.fake.Delete(payments, all[0].TS)
	require.Equal(t, fault.NotFound, fault.KindOf(r.Refresh(t.Context(), head, *m.Card, nil)))
	require.Equal(t, fault.NotFound, fault.KindOf(r.Refresh(t.Context(), "nonsense", *m.Card, nil)))
}

func TestAMessageWhoseAnswerWasLostIsFoundAndNotSentAgain(t *testing.T) {
	for name, threaded := range map[string]bool{"in the channel": false, "in a thread": true} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after it was there: %v", name, after), func(t *testing.T) {
				r := newRig(t, nil)
				at := connectors.Attempt{}
				if threaded {
					head, err := r.Post(t.Context(), message("head"), at)
					require.NoError(t, err)
					at.Head = head
				}
				m, began := message("lost"), r.clock.now()
				r.fake.Inject(slacktest.Fault{Method: "chat.postMessage", After: after, Lost: true, Times: 2}) // the network tries once more by itself where it may
				_, err := r.Post(t.Context(), m, at)
				require.Equal(t, fault.Unavailable, fault.KindOf(err), "%v", err)
				r.clock.add(2 * time.Minute)
				at.Since = began
				r.fake.Forgive()
				ref, err := r.Post(t.Context(), m, at)
				require.NoError(t, err)
				require.NotEmpty(t, ref)
				for range 2 {
					same, err := r.Post(t.Context(), m, at)
					require.NoError(t, err)
					require.Equal(t, ref, same)
				}
				require.Equal(t, 1, r.fake.Causes()[payments+" lost"])
			})
		}
	}
}

func TestAnEarlierMessageIsFoundBehindManyOthersAndOnlyByItsWholeCause(t *testing.T) {
	r := newRig(t, nil)
	long := strings.Repeat("x", 400)
	first, err := r.Post(t.Context(), message(long+"1"), connectors.Attempt{})
	require.NoError(t, err)
	for i := range 450 {
		_, err := r.Post(t.Context(), connectors.Message{Cause: fmt.Sprint("other", i), To: "payments", Subject: "x"}, connectors.Attempt{})
		require.NoError(t, err)
	}
	found, err := r.Post(t.Context(), message(long+"1"), connectors.Attempt{Since: epoch})
	require.NoError(t, err)
	require.Equal(t, first, found)
	other, err := r.Post(t.Context(), message(long+"2"), connectors.Attempt{Since: epoch})
	require.NoError(t, err)
	require.NotEqual(t, first, other)
}

func TestAMessageBelowADeletedHeadIsThereAllTheSame(t *testing.T) {
	r := newRig(t, nil)
	head, err := r.Post(t.Context(), message("created"), connectors.Attempt{})
	require.NoError(t, err)
	r.fake.Delete(payments, r.fake.Messages(payments)[0].TS)
	began := r.clock.now()
	ref, err := r.Post(t.Context(), message("next"), connectors.Attempt{Head: head})
	require.NoError(t, err)
	same, err := r.Post(t.Context(), message("next"), connectors.Attempt{Head: head, Since: began})
	require.NoError(t, err)
	require.Equal(t, ref, same, "it is looked for in the channel too")
	require.Len(t, r.fake.Messages(payments), 1)
}

func TestMessagesFindTheirChannelOrPerson(t *testing.T) {
	r := newRig(t, func(c *slack.Config, _ *slacktest.Options, _ *connectors.Env) { c.Escalation = "#payments-alerts" })
	direct := r.fake.Direct(ann)
	for _, tt := range []struct {
		name, to, at, want string
	}{
		{"the configuration names the channel", "payments", "", payments},
		{"the caller knows another", "payments", "#platform", platform},
		{"the caller knows no address of ours", "payments", "payments", payments},
		{"by the channel's name, which the app joins", "platform", "", platform},
		{"the caller knows", "web", payments, payments},
		{"the caller knows the name", "web", "#payments-alerts", payments},
		{"a member", "@ann", "@" + ann, direct},
		{"a member's ID alone", "@ann", ann, direct},
		{"by e-mail", "@ann", "Ann@example.com", direct},
		{"for nobody in particular", "escalation", "", payments},
		{"a channel of the ladder", "#platform", "", platform},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ref, err := r.Post(t.Context(), connectors.Message{Cause: tt.name, To: tt.to, Subject: "x"}, connectors.Attempt{To: tt.at})
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(ref), tt.want+"/"), "%s", ref)
		})
	}
	for _, to := range []string{"web", "@nobody@example.com", "@bob@example.com", "#nowhere", "U0NOBODY00", "@carol", "C0NOWHERE0"} {
		_, err := r.Post(t.Context(), connectors.Message{Cause: "c", To: to, Subject: "x"}, connectors.Attempt{})
		require.Equal(t, fault.NotFound, fault.KindOf(err), "%s: %v", to, err)
	}
}

func TestWhatIsAnAddressHere(t *testing.T) {
	s := opened(t, &slack.Config{})
	for _, good := range []string{payments, "#payments-alerts", ann, "@" + ann, "ann@example.com", "@ann@example.com", "D0DIRECT00"} {
		require.True(t, s.Accepts(good), good)
	}
	for _, bad := range []string{"", "payments", "@ann", "#", "@", "#Two Words", "https://example.com/hook", "PAY-7"} {
		require.False(t, s.Accepts(bad), bad)
	}
}

func TestAThreadBeginsAnewWhereItsTeamHasMoved(t *testing.T) {
	r := newRig(t, nil)
	head, err := r.Post(t.Context(), message("created"), connectors.Attempt{})
	require.NoError(t, err)
	m := message("moved")
	m.To = "platform"
	ref, err := r.Post(t.Context(), m, connectors.Attempt{Head: head})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(ref), platform+"/"))
	all := r.fake.Messages(platform)
	require.Len(t, all, 1)
	require.Empty(t, all[0].Thread)
	require.Contains(t, string(all[0].Blocks), "*Where*", "and has its card")
}

func TestAnUrgentAnswerIsSeenInTheChannelToo(t *testing.T) {
	var broadcast bool
	r := newRig(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := req.ParseForm(); err == nil {
			broadcast = req.Form.Get("reply_broadcast") == "true"
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "channel": payments, "ts": "2.000000"})
	}))
	defer server.Close()
	config := slack.Config{Token: secret.New("xoxb-good"), BaseURL: server.URL, Command: "/quell"}
	opened, err := slack.Registration().Open(connectors.Env{HTTP: server.Client()}, &config)
	require.NoError(t, err)
	r.Slack, _ = opened.(*slack.Slack)
	for _, urgent := range []bool{true, false} {
		m := message("x")
		m.To, m.Urgent = payments, urgent
		_, err = r.Post(t.Context(), m, connectors.Attempt{Head: payments + "/1.000000"})
		require.NoError(t, err)
		require.Equal(t, urgent, broadcast)
	}
}

func TestWhatSlackAnswersHasAKindAndTellsNoSecret(t *testing.T) {
	for _, tt := range []struct {
		fault slacktest.Fault
		kind  fault.Kind
	}{
		{slacktest.Fault{Error: "channel_not_found"}, fault.NotFound},
		{slacktest.Fault{Error: "is_archived"}, fault.Denied},
		{slacktest.Fault{Error: "invalid_auth"}, fault.Denied},
		{slacktest.Fault{Error: "missing_scope"}, fault.Denied},
		{slacktest.Fault{Error: "something_new"}, fault.Denied},
		{slacktest.Fault{Error: "invalid_blocks"}, fault.Invalid},
		{slacktest.Fault{Error: "internal_error"}, fault.Unavailable},
		{slacktest.Fault{Error: "ratelimited"}, fault.Throttled},
		{slacktest.Fault{Status: 503}, fault.Unavailable},
		{slacktest.Fault{Status: 429, Retry: 17}, fault.Throttled},
		{slacktest.Fault{Lost: true}, fault.Unavailable},
	} {
		r := newRig(t, nil)
		tt.fault.Method, tt.fault.Times = "chat.postMessage", 3
		r.fake.Inject(tt.fault)
		_, err := r.Post(t.Context(), message("c"), connectors.Attempt{})
		require.Equal(t, tt.kind, fault.KindOf(err), "%+v: %v", tt.fault, err)
		require.NotContains(t, err.Error(), "xoxb")
		if tt.fault.Retry > 0 {
			require.Equal(t, 17*time.Second, fault.RetryAfter(err))
		}
	}
	r := newRig(t, nil)
	r.fake.Edit(private, func(c *slacktest.Channel) { c.Private = true })
	_, err := r.Post(t.Context(), connectors.Message{Cause: "c", To: private, Subject: "x"}, connectors.Attempt{})
	require.Equal(t, fault.NotFound, fault.KindOf(err), "a private channel that it isn't in looks like none")
	_, err = r.Post(t.Context(), connectors.Message{To: "payments"}, connectors.Attempt{})
	require.Equal(t, fault.Invalid, fault.KindOf(err), "no cause")
}

func TestCheckTellsEveryProblemOfTheSetUp(t *testing.T) {
	r := newRig(t, func(c *slack.Config, o *slacktest.Options, _ *connectors.Env) {
		o.Scopes = "chat:write, channels:read, im:write, groups:read,users:read"
		c.Channels = map[string]string{"payments": payments, "gone": "#gone", "board": private, "web": "C0ARCHIVED"}
		o.Channels = append(o.Channels, slacktest.Channel{ID: "C0ARCHIVED", Name: "old", Archived: true})
		c.AppToken, c.SigningSecret = secret.New("xapp-wrong"), secret.String{}
	})
	var text strings.Builder
	for _, err := range r.Check(t.Context()) {
		text.WriteString(err.Error() + "\n")
	}
	for _, part := range []string{"lacks the scope channels:history", "lacks the scope commands", "users:read.email", "channels.gone: ", "channels.board: ", "channels.web: C0ARCHIVED is archived", "escalation: is not set", "app_token: "} {
		require.Contains(t, text.String(), part)
	}
	require.NotContains(t, text.String(), "channels.payments")
	require.NotContains(t, text.String(), "scope chat:write")

	good := newRig(t, func(c *slack.Config, o *slacktest.Options, _ *connectors.Env) {
		c.Escalation = payments
		all := make([]string, 0, len(slack.Scopes()))
		for scope := range slack.Scopes() {
			all = append(all, scope)
		}
		o.Scopes = strings.Join(all, ",")
	})
	require.Empty(t, good.Check(t.Context()))
	bad := newRig(t, func(c *slack.Config, _ *slacktest.Options, _ *connectors.Env) { c.Token = secret.New("xoxb-bad") })
	problems := bad.Check(t.Context())
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Error(), "the token is not good")
}

func TestAResponseURLLeadsToSlackOrNowhere(t *testing.T) {
	reg := slack.Registration()
	opened, err := reg.Open(connectors.Env{}, reg.Config())
	require.NoError(t, err)
	s, ok := opened.(*slack.Slack)
	require.True(t, ok)
	require.NoError(t, s.Answerable("https://hooks.slack.com/actions/T1/2/3"))
	for _, bad := range []string{"", "http://hooks.slack.com/x", "https://slack.com/api/chat.postMessage", "https://hooks.slack.com.evil.example/x", "https://evil.example/hooks.slack.com",
		"https://hooks.slack.com@evil.example/", "https://hooks.slack.com:8443/x", "https://169.254.169.254/latest", "file:///etc/passwd", "//hooks.slack.com/x", "https://wss.slack.com/x", "%"} {
		require.Equal(t, fault.Denied, fault.KindOf(s.Answerable(bad)), bad)
		require.Equal(t, fault.Denied, fault.KindOf(s.Respond(t.Context(), bad, slack.Answer{Text: "x"})), bad)
	}
	r := newRig(t, nil)
	require.NoError(t, r.Answerable(r.url+"/response/1"), "a stand-in that was configured")
	require.Error(t, r.Answerable("https://hooks.slack.com/x"), "and then nobody else")
}

func TestAConfigurationSaysWhatIsWrongWithIt(t *testing.T) {
	config := slack.Config{Token: secret.New("xoxp-1"), AppToken: secret.New("xoxb-1"), PreviousSecret: secret.New("x"), BaseURL: "nonsense", Command: "quell",
		Channels: map[string]string{"a": "payments"}, Escalation: "everybody"}
	text := errors.Join(config.Validate()...).Error()
	for _, part := range []string{"previous_signing_secret: ", "base_url: ", "command: ", "channels.a: ", "escalation: "} {
		require.Contains(t, text, part)
	}
	require.NotContains(t, text, "xoxp-1")
}
