package cli

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const anExposure = `{"id":"x1","version":7,"state":"open","mode":"workflow","asset":"A1","asset_name":"web-1","weakness":"nuclei:git-config","location":"443/tcp/.git/config",
"fix":"nuclei:git-config","title":"Git configuration exposed","severity":"high","sources":["nuclei-weekly"],"scopes":["shop"],
"presence":{"status":"observed","at":"2026-11-22T10:00:00Z"},
"decision":{"outcome":"act","why":["exploitation: poc, the check matched","exposed to the internet"],"missing":"mission_impact"},
"due":"2026-11-26T00:00:00Z","owner":{"team":"payments","how":"route > tag team=payments","confidence":0.95},"ticket":"QT-1","reopens":2,
"verification":{"method":"template"},"verdict":{"outcome":"confirmed","method":"template","reason":"the file is served","checked_at":"2026-11-22T11:00:00Z","evidence":["e1"]},
"first_seen":"2026-11-20T10:00:00Z","last_seen":"2026-11-22T10:00:00Z","updated_at":"2026-11-23T11:59:00Z"`

const aStory = `{"items":[
{"exposure":"x1","seq":1,"kind":"discovered","to":"tracked","at":"2026-11-20T10:00:00Z","actor":{"kind":"source","name":"nuclei-weekly"},"cause":"d1","hash":"h1"},
{"exposure":"x1","seq":2,"kind":"admit","from":"tracked","to":"validating","at":"2026-11-20T10:01:00Z","actor":{"kind":"system","name":"sweep"},"cause":"c2","reason":"act","hash":"h2"},
{"exposure":"x1","seq":3,"kind":"confirmed","from":"validating","to":"open","at":"2026-11-22T11:00:00Z","actor":{"kind":"probe","name":"local"},"cause":"c3",
"verdict":{"outcome":"confirmed","method":"template","reason":"the file is served","checked_at":"2026-11-22T11:00:00Z"},"hash":"h3"}],"verified":true}`

// world is a daemon with one of everything.
func world(t *testing.T) *daemon {
	t.Helper()
	d := newDaemon(t)
	d.answer("GET /api/v1/exposures", `{"items":[`+anExposure+`},
{"id":"x2","state":"tracked","asset":"A2","asset_name":"db-1","weakness":"CVE-2024-3094","title":"xz backdoor","severity":"critical","sources":[],"decision":{},
"due":"2026-11-20T00:00:00Z","owner":{},"presence":{"status":"observed","at":"2026-11-22T10:00:00Z"},"first_seen":"2026-11-20T10:00:00Z","last_seen":"2026-11-22T10:00:00Z","updated_at":"2026-11-22T10:00:00Z"}]}`)
	d.answer("GET /api/v1/exposures/x1", anExposure+`,"findings":[{"uid":"u","source":"nuclei-weekly","connector":"nuclei","class":"vulnerability","check":"nuclei:git-config",
"title":"Git configuration exposed","severity":"high","status":"open","last_seen":"2026-11-22T10:00:00Z"}],"related":[{"id":"x7","weakness":"nessus:57582","location":"443/tcp","title":"Several","state":"open","severity":"high","sources":["nessus"],"cves":["CVE-2024-1"]}],
"stated":[{"statement":"s1","source":"vex","vulnerability":"CVE-2024-1",
"status":"not_affected","justification":"code_not_reachable","author":"Acme PSIRT","at":"2026-11-21T00:00:00Z","impact":"the parser is never called"},
{"statement":"s2","source":"vex","vulnerability":"CVE-2024-1","status":"fixed","fixed_in":"1.2.4","at":"2026-11-20T00:00:00Z"}],"sights":[],"timeline":`+aStory+`,"evidence":["e1"],
"workflow":{"workflow_id":"exposure/x1","run_id":"r","status":"Running","url":"http://127.0.0.1:8233/x1"}}`)
	d.answer("GET /api/v1/exposures/x1/timeline", aStory)
	d.answer("GET /api/v1/evidence/e1", `{"kind":"http","target":"https://web-1/.git/config","address":"192.0.2.1:443","request":"GET /.git/config HTTP/1.1\r\nHost: web-1\r\n",
"response":"HTTP/1.1 200 OK\r\n\r\n[core]","matcher":"word","template":"git-config","vantage":"local","at":"2026-11-22T11:00:00Z"}`)
	d.answer("GET /api/v1/exposures.ndjson", "{\"id\":\"x1\"}\n{\"id\":\"x2\"}\n")
	d.answer("POST /api/v1/exposures/x1/decisions", `{"exposure":"x1","state":"accepted","version":8,"seq":4,"message":"the risk is accepted until 2026-12-31"}`)
	d.answer("GET /api/v1/findings", `{"items":[{"exposure":"x1","state":"open","asset":"A1","asset_name":"web-1","finding":{"source":"nuclei-weekly","check":"nuclei:git-config",
"title":"Git configuration exposed","severity":"high","status":"open","location":"443/tcp"}}]}`)
	d.answer("GET /api/v1/assets", `{"items":[{"id":"A1","kind":"host","name":"web-1","owner":"payments","scopes":["shop"],"sources":["nmap","nuclei","trivy","wiz"],"last_seen":"2026-11-22T10:00:00Z"}]}`)
	d.answer("GET /api/v1/assets/A1", `{"id":"A1","kind":"host","name":"web-1","owner":"payments","internet":"yes","first_seen":"2026-11-20T10:00:00Z","last_seen":"2026-11-22T10:00:00Z",
"identifiers":[{"kind":"fqdn","value":"web-1.example.com","source":"nmap","last_seen":"2026-11-22T10:00:00Z"}],"exposures":{"open":2,"closed":1},
"provenance":[{"field":"name","value":"web-1","source":"cmdb","at":"2026-11-20T10:00:00Z","why":"an inventory knows better than a scanner","others":[{"field":"name","source":"nmap","value":"srv-17","at":"2026-11-22T10:00:00Z"}]}],
"apart":[{"asset":"A7","why":"a cloned machine","by":"ann","at":"2026-11-21T09:00:00Z"}],
"events":[{"seq":1,"kind":"merged","other":"A9","why":"both are web-1.example.com","at":"2026-11-21T10:00:00Z","actor":"source:nmap"}]}`)
	d.answer("GET /api/v1/assets/A9", `{"id":"A9","name":"web-1","merged_into":"A1"}`)
	d.answer("GET /api/v1/assets/A1/edges", `{"items":[{"kind":"depends_on","direction":"out","asset":"A2","name":"db-1","other_kind":"host","to":{"kind":"fqdn","value":"db-1.example.com"},
"note":"5432/tcp","source":"wiz","first_seen":"2026-11-20T10:00:00Z","last_seen":"2026-11-22T10:00:00Z"},{"kind":"exposes","direction":"in","to":{"kind":"ip","value":"192.0.2.1"},
"source":"aws","first_seen":"2026-11-20T10:00:00Z","last_seen":"2026-11-21T10:00:00Z","stale":true}]}`)
	d.answer("GET /api/v1/gaps", `{"items":[{"kind":"unscoped","words":"assets in no scope","count":12,"items":[{"id":"A3","name":"lost","kind":"host","note":"nmap","last":"2026-11-22T10:00:00Z"}],"next":"A3"},
{"kind":"unsourced","words":"scopes that no source reports on","count":1,"items":[{"id":"lab","note":"payments"}]},{"kind":"saas","words":"SaaS applications that no scope claims","count":0,"items":[]}]}`)
	d.answer("POST /api/v1/assets/A1/undo", `{"asset":"A1","other":"A9","exposures":3}`)
	d.answer("POST /api/v1/assets/A1/split", `{"asset":"A1","other":"A8","exposures":0,"repeated":true}`)
	d.answer("GET /api/v1/sources", `{"items":[{"name":"nuclei-weekly","connector":"nuclei","webhook":"/hooks/nuclei-weekly","last_delivery":"2026-11-22T12:00:00Z","last_run":"2026-11-13T12:00:00Z"},
{"name":"old","connector":"nmap","silent":true,"last_delivery":"2026-10-01T12:00:00Z"},{"name":"new","connector":"trivy"},{"name":"nightly","connector":"nmap","owner":"secops","held":1,"last_delivery":"2026-11-23T02:00:00Z","last_run":"2026-11-20T12:00:00Z",
"conditions":[{"condition":"late","since":"2026-11-21T14:00:00Z","why":"no complete run since 2026-11-20 12:00, and one is expected within 26h0m0s"}]},
{"name":"bad","connector":"nessus","last_delivery":"2026-11-23T11:30:00Z","problem":"reading nessus XML, line 3 (byte 99): unexpected EOF"}]}`)
	d.answer("GET /api/v1/scopes", `{"items":[{"name":"shop","include":[{"name":"*"}],"owner":"payments","mission_impact":"high","internet":"yes","engagement":{"probe":true},"exposures":{"open":2,"tracked":40,"closed":7}},
{"name":"lab","include":[],"exposures":{},"problem":"no source reports on it"}]}`)
	d.answer("GET /api/v1/owners", `{"items":[{"name":"payments","aliases":["pay*"],"channel":"#payments"}]}`)
	d.answer("POST /api/v1/owners/test", `{"asset":"A1","asset_name":"web-1","team":"payments","copies":["sre"],"confidence":0.95,"how":"route > tag team=payments","line":"payments, 0.95: tag team=payments","lines":["root: matches everything","  tag.team=pay*: yes"]}`)
	d.answer("GET /api/v1/tickets", `{"items":[{"id":"QT-1","title":"Remove .git from web-1","team":"payments","status":"in_progress","priority":"act","due":"2026-11-23T18:00:00Z","updated_at":"2026-11-22T10:00:00Z"}]}`)
	ticket := `{"id":"QT-1","version":3,"title":"Remove .git from web-1","description":"One exposure.\nIt is served to everybody.","team":"payments","status":"done","closed_by":"ann","priority":"act","due":"2026-11-26T00:00:00Z",
"comments":[{"by":"quell","text":"It is still there.","at":"2026-11-23T10:00:00Z"}],"updated_at":"2026-11-23T10:00:00Z"}`
	d.answer("GET /api/v1/tickets/QT-1", ticket)
	d.answer("POST /api/v1/tickets/QT-1/status", ticket)
	d.answer("POST /api/v1/tickets/QT-1/comments", ticket)
	d.answer("GET /api/v1/inbox", `{"items":[{"id":"m1","to":"payments","kind":"reminder","subject":"Due in 3 days","text":"Please look.","links":{"ticket":"http://q/t"},"subjects":["x1"],"read":false,"at":"2026-11-23T10:00:00Z"}]}`)
	d.answer("POST /api/v1/inbox/m1/read", "")
	d.answer("GET /api/v1/stats", `{"total":42,"queued":3,"by":{"state":{"open":2,"tracked":40},"owner":{"":5,"payments":37}},
"intel":[{"kind":"kev","entries":1400,"taken":"2026-11-22T00:00:00Z","fresh":true},{"kind":"epss","entries":0,"missing":"no EPSS scores"}],"silent":["old"],"pending":[],
"missing":["no EPSS scores","some sources have gone quiet: see /api/v1/sources","some assets are in no scope: see /api/v1/assets?unscoped=true"]}`)
	d.answer("GET /api/v1/intel", `{"items":[{"kind":"kev","digest":"d","entries":1400,"taken":"2026-11-22T00:00:00Z","fresh":true},{"kind":"epss","entries":0,"fresh":false,"missing":"no EPSS scores: import them"}]}`)
	d.answer("POST /api/v1/intel/kev", `{"kind":"kev","digest":"d","taken":"2026-11-22T00:00:00Z","entries":1,"changed":4}`)
	d.answer("POST /api/v1/rebuild", `{"looked":42,"changed":2,"message":"nothing else to do."}`)
	d.answer("GET /api/v1/tokens", `{"items":[{"id":"t1","name":"ann","role":"approver","created":"2026-11-01T00:00:00Z","expires":"2026-11-20T00:00:00Z","last_used":"2026-11-23T11:00:00Z"},
{"id":"t2","name":"ci","role":"operator","scopes":["shop"],"created":"2026-11-01T00:00:00Z"}]}`)
	d.answer("POST /api/v1/tokens", `{"id":"t3","name":"bob","role":"viewer","created":"2026-11-23T12:00:00Z","token":"quell_t3_clear"}`)
	d.answer("DELETE /api/v1/tokens/t1", "")
	d.answer("GET /api/v1/deliveries", `{"items":[{"id":"bad|01J","source":"bad","received_at":"2026-11-23T11:30:00Z","via":"upload","size":99,"status":"failed","error":"unexpected EOF"}]}`)
	d.answer("POST /api/v1/deliveries/{id}/replay", `{"delivery":"bad|01J","status":"received"}`)
	d.answer("POST /api/v1/deliveries/{id}/approve", `{"id":"nightly|1","status":"received","hold":{"outcome":"approved","by":"ann"}}`)
	d.answer("POST /api/v1/deliveries/{id}/reject", `{"id":"nightly|1","status":"rejected","hold":{"outcome":"rejected","by":"ann"}}`)
	d.answer("GET /api/v1/runs", `{"items":[{"id":"r1","source":"nuclei-weekly","complete":false,"why":"the scan was stopped","finished":"2026-11-22T10:00:00Z","checks":["nuclei:*"],"targets":12,"tool":"nuclei 3.4"}]}`)
	d.answer("GET /readyz", `{"ready":false,"checks":{"store":"ok","temporal":"failed"}}`)
	return d
}

func TestEveryVerbSpeaksToPeopleAndToPrograms(t *testing.T) {
	lines := []struct {
		name string
		args string // separated by blanks
		code int
	}{
		{"exposures", "exposures --decision act,attend --owner payments --due-before 30d --limit 2", 0},
		{"exposures_vendor", "exposures --vendor vpr.score=9.1 --vendor exploit --search kernel", 0},
		{"exposures_json", "exposures --json", 0},
		{"exposure_show", "exposures show x1", 0},
		{"exposure_show_json", "exposures show x1 --json", 0},
		{"exposure_timeline", "exposures timeline x1", 0},
		{"exposure_evidence", "exposures evidence x1", 0},
		{"exposures_export", "exposures export --state open", 0},
		{"decide", "decide accept-risk x1 --reason vpn --until 2026-12-31 --ends-on kev --key k1 --if-version 7", 0},
		{"decide_claim", "decide claim x1 --team payments --key k2 --json", 0},
		{"findings", "findings --source nuclei-weekly", 0},
		{"assets", "assets --unscoped", 0},
		{"asset_show", "assets show A1", 0},
		{"asset_edges", "assets edges A1 --limit 5", 0},
		{"asset_undo", "assets undo A9 --reason cloned --key k1", 0},
		{"asset_split", "assets split A1 --identifiers fqdn:a.example.com,serial:SN-1 -r swapped --key k2", 0},
		{"sources", "sources", 0},
		{"scopes", "scopes", 0},
		{"gaps", "gaps", 0},
		{"gaps_json", "gaps unscoped --json --limit 1", 0},
		{"owners", "owners", 0},
		{"owners_test", "owners test A1", 0},
		{"owners_explain", "owner explain A1", 0},
		{"owners_explain_exposure", "owner explain x1", 0},
		{"tickets", "tickets --team payments", 0},
		{"ticket_show", "tickets show QT-1", 0},
		{"ticket_move", "tickets move QT-1 done", 0},
		{"ticket_comment", "tickets comment QT-1 fixed", 0},
		{"inbox", "inbox", 0},
		{"inbox_read", "inbox read m1", 0},
		{"stats", "stats", 0},
		{"intel", "intel", 0},
		{"token", "token", 0},
		{"token_create", "token create --name bob --expires 30d", 0},
		{"token_revoke", "token revoke t1", 0},
		{"deliveries", "deliveries", 0},
		{"deliveries_replay", "deliveries replay bad|01J", 0},
		{"deliveries_approve", "deliveries approve nightly|1 --reason decommissioned", 0},
		{"deliveries_reject", "deliveries reject nightly|1 --reason no --json", 0},
		{"runs", "runs", 0},
		{"rebuild", "rebuild", 0},
		{"doctor", "doctor", ExitFailed},
		{"doctor_json", "doctor --json", ExitFailed},
		{"version", "version", 0},
		{"version_json", "version --json", 0},
	}
	for _, tt := range lines {
		t.Run(tt.name, func(t *testing.T) {
			d := world(t)
			s := newShell(t, d)
			got := s.run(t, strings.Fields(tt.args)...)
			require.Equal(t, tt.code, got.code, got.err)
			text := fmt.Sprintf("$ quell %s\n%s", tt.args, got.out)
			if got.err != "" {
				text += "--- beside it\n" + got.err
			}
			text += "--- asked\n" + strings.Join(d.questions(), "\n") + "\n"
			golden(t, tt.name, strings.NewReplacer(d.URL, "http://daemon", s.dir, "DIR").Replace(text))
		})
	}
}

// steers is what a terminal obeys: controls, and marks that turn the direction of text.
// Line ends are ours.
var steers = regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{ad}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]`)

func TestWhatComesFromOutsideCantSteerATerminal(t *testing.T) {
	d := newDaemon(t)
	const evil = "\\u001b]0;owned\\u0007\\u001b[2Jtitle\\u009b31m\\u202egnp.exe\\r\\nline"
	d.answer("GET /api/v1/exposures", `{"items":[{"id":"x1","title":"`+evil+`","owner":{"team":"`+evil+`"},"asset_name":"`+evil+`"}]}`)
	d.refuse("GET /api/v1/exposures/x1", 404, "not_found", "there is no \x1b[31mx1\u009b")
	for _, args := range [][]string{{"exposures"}, {"exposures", "--json"}, {"exposures", "show", "x1"}, {"exposures", "show", "\x1b[2J"}} {
		got := newShell(t, d).run(t, args...)
		require.NotRegexp(t, steers, got.out+got.err)
	}
	got := newShell(t, d).run(t, "exposures", "--json")
	require.Contains(t, got.out, `\u202e`, "programs still get the character")
}

func TestExitStatusesAndHintsFollowTheKindOfTheError(t *testing.T) {
	tests := []struct {
		name   string
		status int
		kind   string
		code   int
		hint   string
	}{
		{"a wrong request", 400, "invalid", ExitFailed, ""},
		{"a bad token", 401, "denied", ExitDenied, "quell token create"},
		{"a weak token", 403, "denied", ExitDenied, ""},
		{"nothing there", 404, "not_found", ExitNotFound, ""},
		{"a state that doesn't allow it", 409, "conflict", ExitConflict, ""},
		{"an old version", 412, "conflict", ExitConflict, "read it again"},
		{"too much", 429, "throttled", ExitUnavailable, ""},
		{"a defect", 500, "internal", ExitFailed, "urn:quell:request:r1"},
		{"a daemon that can't", 503, "unavailable", ExitUnavailable, "urn:quell:request:r1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDaemon(t)
			d.refuse("GET /api/v1/exposures/x1", tt.status, tt.kind, "because of this")
			got := newShell(t, d).run(t, "exposures", "show", "x1")
			require.Equal(t, tt.code, got.code)
			require.Empty(t, got.out)
			require.Contains(t, got.err, "quell: because of this")
			require.Contains(t, got.err, tt.hint)
		})
	}
}

func TestWrongCommandLinesAreTold(t *testing.T) {
	tests := []struct{ args, says string }{
		{"inspekt x", "inspect"},
		{"exposures shw x1", "unknown command"},
		{"exposures --stat open", "unknown flag"},
		{"exposures show", "wants the exposure's ID"},
		{"exposures show a b", "nothing after it"},
		{"decide frobnicate x1", "there are claim, reassign"},
		{"decide claim", "a decision and the IDs"},
		{"token create", "required flag"},
		{"config chekc", "unknown command"},
		{"ingest", "at least one report"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			got := newShell(t, nil).run(t, strings.Fields(tt.args)...)
			require.Equal(t, ExitUsage, got.code, got.err)
			require.Contains(t, got.err, tt.says)
			require.Contains(t, got.err, "--help")
		})
	}
}

func TestEndsAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-31": "2026-12-31T23:59:59.999Z", "2026-12-31T18:00:00+01:00": "2026-12-31T17:00:00Z", "30d": "2026-12-23T12:00:00Z", "2w": "2026-12-07T12:00:00Z",
	} {
		got, err := until(text, noon)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Format("2006-01-02T15:04:05.999Z07:00"), text)
	}
	_, err := until("tomorrow", noon)
	require.ErrorContains(t, err, "2026-12-31")
}

func TestShellsAreOfferedWhatFits(t *testing.T) {
	d := world(t)
	tests := []struct {
		args []string
		has  string
	}{
		{[]string{"decide", ""}, "accept_risk\t"},
		{[]string{"decide", "claim", "x"}, "x1\tGit configuration exposed"},
		{[]string{"decide", "claim", "x1", "--team", ""}, "payments"},
		{[]string{"exposures", "show", ""}, "x2\t"},
		{[]string{"exposures", "--state", "fix"}, "fix_claimed"},
		{[]string{"tickets", "move", "QT-1", ""}, "in_progress"},
		{[]string{"ingest", "--source", "nu"}, "nuclei-weekly\tnuclei"},
		{[]string{"inspect", "--connector", "nu"}, "nuclei"},
	}
	for _, tt := range tests {
		got := newShell(t, d).run(t, append([]string{"__complete"}, tt.args...)...)
		require.Contains(t, got.out, tt.has, tt.args)
	}
	d.Close()
	got := newShell(t, d).run(t, "__complete", "exposures", "show", "")
	require.Equal(t, ExitOK, got.code, "a daemon that is away completes nothing")
	require.NotContains(t, got.out, "x1")
}

func FuzzClean(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b]8;;http://evil\x07click\x9b31m\u202e\u2028\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		require.NotRegexp(t, steers, got)
		require.NotContains(t, got, "\n")
		var b strings.Builder
		_, err := escaping{&b}.Write([]byte(text + "\n"))
		require.NoError(t, err)
		require.NotRegexp(t, steers, b.String())
	})
}
