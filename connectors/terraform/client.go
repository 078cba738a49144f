package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured source of states.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

const largestState = 64 << 20

// Pull implements connectors.Puller: one state a step, of which the cursor is the number.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if len(in.config.URLs) == 0 {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	at := 0
	if req.Cursor != "" {
		n, err := strconv.Atoi(req.Cursor)
		if err != nil || n < 0 || n >= len(in.config.URLs) {
			return connectors.Pulled{}, connectors.ErrExpired // of another configuration: begin anew
		}
		at = n
	}
	api := httpclient.API{HTTP: in.http, Base: in.config.URLs[at], Vendor: "the state's backend", Largest: largestState, Auth: func(r *http.Request) {
		switch {
		case in.config.User != "":
			r.SetBasicAuth(in.config.User, in.config.Password.Reveal())
		case !in.config.Token.Empty():
			r.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal())
		}
	}}
	var body bytes.Buffer
	if _, err := api.Copy(ctx, httpclient.Call{Path: in.config.URLs[at]}, &body); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching state %d: %w", at+1, err)
	}
	if body.Len() > 0 { // an http backend answers 204 for a state that was never written
		if err := filter(body.Bytes(), page); err != nil {
			return connectors.Pulled{}, fmt.Errorf("fetching state %d: %w", at+1, err)
		}
	}
	if at+1 < len(in.config.URLs) {
		return connectors.Pulled{Next: strconv.Itoa(at + 1)}, nil
	}
	return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"states": at + 1}}}, nil
}

// filter writes a state without its secrets: pages are kept as they are, so what must not
// be stored must not be in them. It writes all versions as version 4.
func filter(body []byte, page io.Writer) error {
	var in struct {
		Version   wire.Number         `json:"version"`
		Tool      wire.Text           `json:"terraform_version"`
		Serial    wire.Number         `json:"serial"`
		Lineage   wire.Text           `json:"lineage"`
		Resources wire.List[resource] `json:"resources"`
		Modules   wire.List[module]   `json:"modules"`
	}
	if !wire.Unmarshal(body, &in) || !in.Version.OK || in.Lineage == "" {
		return fault.New(fault.Unavailable, "reading a state: it is none")
	}
	out := struct {
		Version   int        `json:"version"`
		Tool      wire.Text  `json:"terraform_version"`
		Serial    int        `json:"serial"`
		Lineage   wire.Text  `json:"lineage"`
		Resources []resource `json:"resources"`
	}{4, in.Tool, in.Serial.Int(), in.Lineage, []resource{}}
	for _, x := range in.Resources {
		for i := range x.Instances {
			inst := &x.Instances[i]
			if inst.Flat.ID != "" {
				inst.Attributes, inst.Flat = attributes(inst.Flat), flat{}
			}
			inst.Attributes.without(inst.Sensitive)
			inst.Sensitive = nil
			if x.Mode == "data" || secretive(x.Type.String()) {
				inst.Attributes = attributes{}
			}
		}
		out.Resources = append(out.Resources, x)
	}
	for i := range in.Modules {
		out.Resources = append(out.Resources, in.Modules[i].upgraded()...)
	}
	return fault.Wrap(fault.Unavailable, json.NewEncoder(page).Encode(out), "writing a page")
}

// upgraded gives the resources of a module of version 3 as version 4 has them.
func (m *module) upgraded() []resource {
	var out []resource
	for _, address := range slices.Sorted(maps.Keys(m.Resources)) {
		var old oldResource
		if !wire.Unmarshal(m.Resources[address], &old) || old.Type == "" {
			continue
		}
		x := resource{Mode: "managed", Type: old.Type, Name: wire.Text(strings.TrimPrefix(strings.TrimPrefix(address, "data."), old.Type.String()+"."))}
		if strings.HasPrefix(address, "data.") {
			x.Mode = "data"
		}
		for _, step := range m.Path[min(1, len(m.Path)):] { // the first is the root
			x.Module = wire.Text(strings.TrimPrefix(x.Module.String()+".module."+step, "."))
		}
		a := attributes(old.Primary.Attributes)
		if a.ID == "" {
			a.ID = old.Primary.ID
		}
		if x.Mode == "data" || secretive(old.Type.String()) {
			a = attributes{}
		}
		x.Instances = wire.List[instance]{{Attributes: a}}
		out = append(out, x)
	}
	return out
}
