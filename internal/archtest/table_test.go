package archtest

// module is the prefix of everything that is ours.
const module = "github.com/quellsec/quell/"

// row says what one package may import of ours. Lists are words separated by spaces. A word is a package as the design calls it:
// "asset" for internal/asset, while what starts with cmd, workflows, activities, connectors, api or deploy is a folder at the top.
// "connectors/*" is every direct child of connectors which has no row of its own, "domain" is the twelve packages of the domain, and
// "*" is everything but what leads to nuclei. An external test may always import the package that it tests.
type row struct {
	pkg     string
	imports string
	tests   string // what its tests may import beyond that and beyond testsMay
}

// testsMay is what any test may import: the conformance suites and the fakes, which exist for tests.
const testsMay = "connectors/connectortest connectors/trackertest connectors/notifiertest connectors/jira/jiratest connectors/fake connectors/fakevendor connectors/githubissues/githubissuestest connectors/gitlabissues/gitlabissuestest connectors/servicenowincident/servicenowincidenttest store/storetest"

// domain is what the word of that name stands for.
const domain = "asset exposure scope calendar campaign exception priority ownership attackpath metrics admission runbook"

// table is the import table of the design. A row for a package that is not there yet waits for it.
var table = []row{
	// The words, then what is computed from them. These are pure, see TestTheDomainIsPure.
	{pkg: "fault"},
	{pkg: "secret"},
	{pkg: "asset"},
	{pkg: "exposure", imports: "asset"},
	{pkg: "scope", imports: "exposure asset"},
	{pkg: "calendar", imports: "scope"},
	{pkg: "campaign", imports: "asset exposure calendar"},
	{pkg: "exception", imports: "exposure scope ownership"},
	{pkg: "runbook", imports: "exposure asset scope ownership exception"},
	{pkg: "priority", imports: "exposure asset scope calendar exception"},
	{pkg: "ownership", imports: "exposure asset scope"},
	{pkg: "attackpath", imports: "exposure asset"},
	{pkg: "metrics", imports: "exposure asset"},
	{pkg: "outbox"},    // what is told when: pure, too
	{pkg: "admission"}, // whose turn it is: over names and times alone

	// State: who may change it, who keeps it, how the parts talk about it.
	{pkg: "ledger", imports: "exposure asset fault", tests: "store ledger/ledgertest"},
	{pkg: "ledger/ledgertest", imports: "ledger exposure asset fault"}, // the suite that every store runs
	{pkg: "lifecycle", imports: "domain ledger fault secret", tests: "ledger/ledgertest"},
	{pkg: "store", imports: "store/engine store/sqlite store/mongo lifecycle outbox domain ledger fault secret", tests: "ledger/ledgertest"},
	{pkg: "store/engine", imports: ""}, // what the collections ask of a database
	{pkg: "store/sqlite", imports: "store/engine fault"},
	{pkg: "store/mongo", imports: "store/engine fault"},
	{pkg: "store/storetest", imports: "store store/engine lifecycle outbox domain ledger ledger/ledgertest fault secret"},
	{pkg: "ingest", imports: "domain ledger fault", tests: "store"},
	// Tests alone: real reports of every connector, through the pipeline into a store.
	{pkg: "ingest/ingesttest", tests: "ingest store ledger connectors connectors/builtin domain"},

	// Sources and sinks. A connector sees the contract and what the contract sees, never another connector.
	{pkg: "httpclient", imports: "fault secret"},
	{pkg: "connectors", imports: "exposure asset httpclient fault secret"},
	{pkg: "connectors/*", imports: "connectors connectors/wire connectors/jsonpull connectors/xmlpull connectors/csvpull connectors/report connectors/signature connectors/cloud connectors/ocsfmap connectors/awsapi connectors/azureapi connectors/gcpapi connectors/githubapi connectors/marked connectors/prose exposure asset httpclient fault secret"},
	// No connectors, these thirteen: what those that need it read, write and check with.
	{pkg: "connectors/wire", imports: "connectors exposure"},
	{pkg: "connectors/jsonpull", imports: "connectors connectors/wire"},
	{pkg: "connectors/xmlpull", imports: "connectors connectors/wire"},
	{pkg: "connectors/csvpull", imports: "connectors"},
	{pkg: "connectors/report", imports: "connectors connectors/jsonpull connectors/xmlpull connectors/csvpull exposure asset"},
	{pkg: "connectors/signature", imports: "fault secret"},
	// What the connectors of cloud providers and of tools that look at clouds have in common.
	{pkg: "connectors/cloud", imports: "connectors exposure asset"},
	{pkg: "connectors/awsapi", imports: "connectors connectors/wire connectors/jsonpull connectors/report connectors/signature exposure httpclient fault secret"},
	{pkg: "connectors/azureapi", imports: "httpclient fault secret"},
	{pkg: "connectors/gcpapi", imports: "httpclient fault secret"},
	{pkg: "connectors/githubapi", imports: "connectors/signature httpclient fault secret"},
	// What trackers write into texts that people edit too.
	{pkg: "connectors/marked"},
	{pkg: "connectors/ocsfmap", imports: "connectors connectors/wire connectors/cloud exposure asset"},
	// The built-in tracker and inbox keep their documents in the store, whose words for them are lifecycle's.
	{pkg: "connectors/localtracker", imports: "connectors lifecycle fault"},
	{pkg: "connectors/inbox", imports: "connectors lifecycle fault"},
	{pkg: "connectors/slack", imports: "connectors connectors/signature httpclient fault secret", tests: "connectors/slack/slacktest"},
	{pkg: "connectors/slack/slacktest", imports: "connectors/slack secret", tests: "connectors"}, // a workspace to test against, and to play with
	{pkg: "connectors/builtin", imports: "connectors connectors/* connectors/localtracker connectors/inbox connectors/slack fault"},
	{pkg: "connectors/connectortest", imports: "connectors/builtin connectors domain fault"},
	{pkg: "connectors/fakevendor"}, // how fake vendors fail, and the fakes; none of them needs a test to run
	{pkg: "connectors/githubissues/githubissuestest", imports: "connectors/fakevendor"},
	{pkg: "connectors/gitlabissues/gitlabissuestest", imports: "connectors/fakevendor"},
	{pkg: "connectors/servicenowincident/servicenowincidenttest", imports: "connectors/fakevendor"},
	{pkg: "connectors/prose", imports: "connectors"},              // what notifiers make of a message's text
	{pkg: "connectors/notifiertest", imports: "connectors fault"}, // the suite that every notifier runs
	{pkg: "connectors/trackertest", imports: "connectors fault"},  // the suite that every tracker runs
	{pkg: "connectors/jira/jiratest"},                             // a Jira for tests and the sandbox; it shares nothing with its client

	{pkg: "governor", imports: "connectors fault"}, // the limits of vendors, shared by all workers

	// Temporal. A workflow sees activities as method values and nothing that does I/O.
	{pkg: "activities", imports: "connectors ingest lifecycle ledger outbox domain fault", tests: "store store/engine connectors/localtracker connectors/inbox"},
	{pkg: "workflows", imports: "activities lifecycle domain", tests: "store ledger ingest fault connectors connectors/localtracker connectors/inbox"},

	// Telling people what is in the outbox.
	{pkg: "courier", imports: "connectors lifecycle outbox exposure fault", tests: "store store/engine connectors/inbox"},

	// Edges.
	{pkg: "api", imports: "lifecycle ledger domain fault secret"},
	{pkg: "api/chatops", imports: "api connectors connectors/slack lifecycle ledger domain fault secret", tests: "store connectors/slack/slacktest httpclient config connectors/builtin"},
	{pkg: "apiclient", imports: "domain fault"},
	{pkg: "config", imports: "domain outbox secret fault"},
	{pkg: "probe", imports: "exposure scope lifecycle fault secret", tests: "demo/weakapp"},

	// Wiring. Departure from the design's table, which gives cli the domain and fault alone: `inspect` and `config check` work
	// without a server and so need the connectors and the configuration, the remote verbs go through apiclient, and `dev`, `serve`
	// and `worker` start what app wires.
	{pkg: "app", imports: "*"},
	{pkg: "cli", imports: "app apiclient config connectors connectors/builtin domain fault secret"},
	{pkg: "cmd/quell", imports: "app cli config connectors/builtin demo"},
	{pkg: "cmd/quell-probe", imports: "probe lifecycle config"},

	// What stands beside the product: it drives the product from outside, measures it, or describes it.
	{pkg: "archtest"},
	{pkg: "daemon", imports: "apiclient fault"},
	{pkg: "chaos", imports: "activities connectors connectors/githubissues connectors/githubissues/githubissuestest connectors/gitlabissues connectors/gitlabissues/gitlabissuestest connectors/jira connectors/jira/jiratest " +
		"connectors/servicenowincident connectors/servicenowincident/servicenowincidenttest connectors/slack connectors/slack/slacktest connectors/inbox courier store store/engine ledger lifecycle ingest domain fault secret"},
	{pkg: "chaos/cmd/chaos", imports: "chaos"},
	{pkg: "chaos/cmd/whole", imports: "chaos/whole"},
	{pkg: "sandbox", imports: "config connectors/jira connectors/jira/jiratest connectors/slack connectors/slack/slacktest domain fault secret"},
	{pkg: "chaos/whole", imports: "daemon apiclient domain fault connectors/jira/jiratest connectors/slack/slacktest"},
	{pkg: "demo", imports: "daemon demo/weakapp apiclient domain fault", tests: "connectors/builtin connectors/connectortest"},
	{pkg: "demo/weakapp"},
	{pkg: "demo/weakapp/serve", imports: "demo/weakapp"},
	{pkg: "e2e", imports: "demo demo/weakapp apiclient domain fault"},
	{pkg: "bench", imports: "*"},
	{pkg: "bench/cmd/bench", imports: "bench"},
	{pkg: "docsgen", imports: "api cli config connectors connectors/builtin domain lifecycle secret"},
	{pkg: "deploy", tests: "config connectors/builtin"},
}

// pure are the packages without I/O, clock or third party, and the third-party modules that one of them is granted.
var pure = map[string][]string{
	"fault":      nil,
	"secret":     nil,
	"asset":      nil,
	"exposure":   nil,
	"scope":      nil,
	"calendar":   nil,
	"campaign":   nil,
	"exception":  nil,
	"runbook":    {"cel.dev/cel-go"},              // evaluates conditions, with a bound on what they cost
	"priority":   {"github.com/pandatix/go-cvss"}, // arithmetic over a vector, as pure as ours
	"ownership":  nil,
	"attackpath": nil,
	"metrics":    nil,
	"outbox":     nil,
	"admission":  nil,
}

// impure are the packages of the standard library that a pure package has no business with: they reach outside the process, or give
// another answer every time.
const impure = "crypto/rand database/sql log math/rand math/rand/v2 net/http os os/exec os/signal os/user runtime/debug syscall"

// clock are the functions of package time that read or wait for the clock.
const clock = "After AfterFunc NewTicker NewTimer Now Since Sleep Tick Until"

// nuclei is the prefix of the engine's modules; nucleiMay are the packages whose binaries may link it.
const (
	nuclei    = "github.com/projectdiscovery/"
	nucleiMay = "probe cmd/quell-probe"
)
