package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// aCampaign is one that is behind, as the daemon tells of it.
const aCampaign = `{"id":"kev-on-the-perimeter","version":9,"name":"KEV on the \u001b[31mperimeter","goal":"nothing exploited faces the internet","where":{"kev":true,"scope":["perimeter"]},
"until":"2026-11-27T16:30:00Z","lead":"ann","channel":"#security","tracker":"jira","state":"open","created_by":"ann","created_at":"2026-11-19T09:00:00Z","began":"2026-11-19T09:00:00Z","baseline":40,
"points":[{"at":"2026-11-19T17:00:00Z","total":40,"open":40,"done":0,"excepted":0,"added":0},{"at":"2026-11-20T17:00:00Z","total":44,"open":36,"done":7,"excepted":1,"added":4},
{"at":"2026-11-23T12:00:00Z","total":44,"open":30,"done":12,"excepted":2,"added":4}],
"ticket":{"key":"SEC-12"},"now":{"total":44,"open":30,"done":12,"excepted":2,"added":4},"ideal":21,"forecast":"2026-12-03T12:00:00Z"}`

func TestACampaignIsShownWithItsBurnDown(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	d.answer("GET /api/v1/campaigns/kev-on-the-perimeter", aCampaign)
	d.answer("GET /api/v1/campaigns", `{"items":[`+aCampaign+`]}`)
	got := newShell(t, d).run(t, "campaigns", "show", "kev-on-the-perimeter")
	require.Zero(t, got.code, got.err)
	golden(t, "campaign", got.out)
	got = newShell(t, d).run(t, "campaigns", "list", "--state", "open")
	golden(t, "campaigns", got.out)
	require.Contains(t, d.questions()[1], "state=open")
	got = newShell(t, d).run(t, "campaigns", "show", "kev-on-the-perimeter", "--json")
	require.Contains(t, got.out, `"baseline": 40`)
	require.NotContains(t, got.out, "\x1b")
}

func TestACampaignIsStartedAboutWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	d.answer("POST /api/v1/campaigns", `{"campaign":{"id":"kev","name":"KEV","where":{"kev":true,"scope":["perimeter"]},"until":"2026-11-27T16:30:00Z"},"matches":44,"teams":{"payments":30,"":14},"states":{"open":44}}`)
	got := newShell(t, d).run(t, "campaigns", "start", "KEV", "--kev", "--scope", "perimeter", "--unowned", "--until", "friday", "--channel", "#security", "--dry-run", "--key", "k1")
	require.Zero(t, got.code, got.err)
	golden(t, "campaign-dry-run", got.out)
	asked := d.questions()[0]
	require.Contains(t, asked, `"where":{"owner":[""],"scope":["perimeter"],"kev":true}`)
	require.Contains(t, asked, `"until":"2026-11-27"`)
	require.Contains(t, asked, `"dry_run":true`)
	require.Contains(t, asked, "Idempotency-Key=k1")
	require.Contains(t, newShell(t, d).run(t, "campaigns", "start", "KEV", "--kev", "--until", "friday").out, "Started kev, until 2026-11-27 16:30: quell campaigns show kev")
	for _, args := range [][]string{{"--until", "friday", "--state", "open"}, {"--kev"}, {"--kev", "--until", "friday", "--first-after", "soon"}} {
		got := newShell(t, d).run(t, append([]string{"campaigns", "start", "KEV"}, args...)...)
		require.Equal(t, ExitUsage, got.code, strings.Join(args, " "))
	}
}

func TestADeadlineCanBeAWeekday(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"friday": "2026-11-27", "Fri": "2026-11-27", "monday": "2026-11-30", "2026-12-04": "2026-12-04", "14d": "2026-12-07T12:00:00Z",
		"2026-12-04T10:00:00Z": "2026-12-04T10:00:00Z", "soon": "soon", "": ""} {
		require.Equal(t, want, deadline(text, noon), text)
	}
}

func TestACampaignIsEndedWithAReason(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	d.answer("POST /api/v1/campaigns/kev/close", strings.ReplaceAll(aCampaign, `"state":"open"`, `"state":"closed"`))
	require.Equal(t, ExitUsage, newShell(t, d).run(t, "campaigns", "close", "kev").code)
	got := newShell(t, d).run(t, "campaigns", "close", "kev", "--reason", "enough")
	require.Equal(t, "kev-on-the-perimeter is closed, with 30 of 44 open\n", got.out)
	require.Contains(t, d.questions()[0], `{"reason":"enough"}`)
}

func TestADeadlineIsMovedWithAReason(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	d.answer("POST /api/v1/campaigns/kev/move", strings.ReplaceAll(aCampaign, `"state":"open"`, `"state":"open","moves":[{"from":"2026-11-27T16:30:00Z","to":"2026-12-04T16:30:00Z","by":"ann","at":"2026-11-25T09:00:00Z","reason":"later"}]`))
	require.Equal(t, ExitUsage, newShell(t, d).run(t, "campaigns", "move", "kev", "--by", "2026-12-04").code)
	require.Equal(t, ExitUsage, newShell(t, d).run(t, "campaigns", "move", "kev", "--reason", "later").code)
	got := newShell(t, d).run(t, "campaigns", "move", "kev", "--by", "2026-12-04", "--reason", "later", "--key", "k")
	require.Contains(t, got.out, "kev-on-the-perimeter is until ")
	require.Contains(t, d.questions()[0], `{"reason":"later","until":"2026-12-04"}`)
	d.answer("GET /api/v1/campaigns/kev", strings.ReplaceAll(aCampaign, `"state":"open"`, `"state":"open","moves":[{"from":"2026-11-27T16:30:00Z","to":"2026-12-04T16:30:00Z","by":"ann","at":"2026-11-25T09:00:00Z","reason":"later"}]`))
	require.Contains(t, newShell(t, d).run(t, "campaigns", "show", "kev").out, "moved    from 2026-11-27 16:30 to 2026-12-04 16:30 by ann on 2026-11-25 09:00: later")
}

func TestAnExposureTellsWhichCampaignSetsItsDueDate(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	d.answer("GET /api/v1/exposures/x1", `{"id":"x1","title":"weak login","state":"open","due":"2026-11-27T16:30:00Z","campaigns":[
{"campaign":"kev","name":"KEV","until":"2026-11-27T16:30:00Z"},{"campaign":"tls","name":"TLS","until":"2026-12-24T00:00:00Z"},{"campaign":"old","name":"Old"}],"timeline":{"items":[],"verified":true}}`)
	out := newShell(t, d).run(t, "exposures", "show", "x1").out
	require.Contains(t, out, "KEV (kev): due because of it")
	require.Contains(t, out, "TLS (tls), until 2026-12-24 00:00")
	require.Contains(t, out, "Old (old), which has ended")
}

func TestExposuresAreFoundByCampaignAndByKEV(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	d.answer("GET /api/v1/exposures", `{"items":[]}`)
	newShell(t, d).run(t, "exposures", "--kev", "--campaign", "kev")
	require.Contains(t, d.questions()[0], "campaign=kev&kev=true")
}

func TestABarShowsWhatIsDoneAndWhatIsSetAside(t *testing.T) {
	t.Parallel()
	require.Equal(t, "[#####--   ]", bar(5, 2, 10, 10))
	require.Equal(t, "[          ]", bar(0, 0, 0, 10))
	require.Equal(t, "[##########]", bar(3, 0, 3, 10))
}
