package declarative

import (
	"strings"

	"github.com/quellsec/quell/connectors"
)

// samples are bodies of the ready-made profiles, invented.
var samples = []connectors.Sample{ //nolint:gochecknoglobals // a constant table
	{File: "nikto.xml", Findings: 3, Assets: 1, Complete: true},
	{File: "pingcastle.xml", Findings: 2, Assets: 1, Complete: true},
	{File: "invicti.json", Findings: 4, Assets: 1},
	{File: "acunetix-aborted.xml", Findings: 1, Assets: 1},
	{File: "wapiti.xml", Findings: 2, Assets: 1},
	{File: "picus.csv", Findings: 2, Assets: 1},
	{File: "nikto.json", Findings: 2, Assets: 1},
	{File: "stratus.json", Findings: 2, Assets: 1},
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs: "For a format of the ready-made profiles (" + strings.Join(Profiles(), ", ") + "): nothing, or `profile: NAME` and what is to differ from it. " +
		"For any other tool: a mapping, as in the example. Try it on a file with `quell inspect --config quell.yaml --source NAME FILE`; `quell config check` compiles every expression and tells each problem with its key. " +
		"To pull, the address and a credential that may read; for webhooks, the secret that signs them.\n\n" +
		"Expressions are [CEL](https://cel.dev), with its optional values (`item.?owner.?team.orValue('')`), bindings, encoders, regex and string extensions. They see `item` (the element that is read), `part` (one of those that `read.each` makes of it), " +
		"`doc` (the document around the item, as far as it was read, with the current element in the place of every list on the way), `params` (the source's own values) and `received` (how many items came). " +
		"In XML, `item[\"@id\"]` is an attribute, `item[\"#text\"]` a text beside other things, and an element that repeats is a list. Columns of a CSV are named in lower case without spaces, dashes and underscores.\n\n" +
		"Functions of ours: `text(x)` gives any value as text, and an empty one for what isn't there; `number(x)`; `listOf(x)` makes a list of what may be one, one thing or nothing; `time(x)` reads the usual notations, `time(x, '02/01/2006 15:04')` one by Go's layout, in UTC unless it names a zone; " +
		"`host(url)`, `port(url)`, `path(url)`, `origin(url)` and `location(url)` take an address apart; `plain(x)` takes the markup out of a text; `links(x)` gives the addresses in it; `slug(x)` makes an ID of a name.\n\n" +
		"What an item lacks is empty and no error. An expression that fails otherwise is counted as `mapping_failed_<key>`.",
	Maps: "Each item, or part of one, is a finding `<scheme>:<check>` on the asset that `asset` describes, or on the `target` of the document. Without `finding.check`, items are assets alone. " +
		"What an item says beyond what is mapped as it is stays with the finding as the vendor's own. " +
		"`fqdn`, `hostname` and `ip` are told apart by what they hold.",
	Fixed: "By `finding.statuses`, which says what the tool's words mean: a word that isn't in it means open. Or by absence from a complete run that covers asset and check.",
	Coverage: "A run is complete only if `run.complete` is there and true, and `run.claimed`, if it is there, is what was received. It covers the `target` of each document, or the assets that items are about, for the checks that `run.checks` names. " +
		"A sync is complete only with `pull.full: true`, and covers the assets that are on its pages; one that asked for what changed is partial.",
	Limits: "An item may have 4 MiB, what is beside the items half a MiB, of which each value 64 KiB. What stands behind the items is in `doc` only for `run` and `target`. " +
		"An expression may cost 2,000,000 steps and 8 KiB of text; it can read nothing but what it is shown. Of one document 200,000 assets are covered. A page of an API may have 64 MiB. " +
		"There are no relations between assets in a mapping. PingCastle's severities are ours, made of its points; Nikto has none. Acunetix XML names no scan profile, so its absence closes only where a source sets `run.checks`. " +
		"Times without a zone are taken as UTC.",
	Example: example,
}

// example is a whole source: an invented tool, pulled, with webhooks.
const example = `sources:
  - name: lantern
    connector: declarative
    config:
      zone: office
      read:
        format: json
        items: data/issues
        where: item.kind != 'question'
      asset:
        kind: host
        name: text(item.machine.name)
        identifiers:
          agent: text(item.machine.agent_id)
          fqdn: text(item.machine.name)
          ip: listOf(item.machine.?addresses)
        tags:
          site: text(item.machine.?site)
        owners:
          field team: text(item.machine.?team)
      finding:
        scheme: lantern
        uid: item.id
        check: item.rule
        title: item.title
        description: plain(item.?details)
        severity: item.priority
        severities: {p1: critical, p2: high, p3: medium, p4: low}
        status: item.state
        statuses: {verified: fixed, ignored: suppressed}
        cves: "[text(item.title), text(item.?references)]"
        cwes: text(item.?cwe)
        cvss_vector: text(item.?cvss)
        location: "text(item.?port) == '' ? '' : text(item.port) + '/tcp'"
        references: text(item.?references)
        first_seen: item.opened
        last_seen: item.checked
      run:
        tool: "'Lantern ' + text(doc.?version)"
        checks: "['lantern:*']"
        claimed: doc.data.total
      pull:
        url: https://lantern.example.org/api/v2/issues
        token: ${env:LANTERN_TOKEN}
        full: true
        paging:
          by: cursor
          param: after
          next: text(doc.data.?next)
          size: 200
          size_param: limit
      webhook:
        secret: ${env:LANTERN_SECRET}
        header: X-Lantern-Signature
        prefix: sha256=
        timestamp_header: X-Lantern-Time
        id_header: X-Lantern-Delivery
        signed: "{timestamp}.{body}"
`
