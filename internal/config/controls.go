package config

import (
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Control says what shows that a compensating control has failed, beside people's word.
type Control struct {
	Name       string   `yaml:"name" json:"name" doc:"Name of the control, as exceptions have it in control:NAME."`
	Techniques []string `yaml:"techniques" json:"techniques" doc:"ATT&CK techniques that it is to prevent, such as T1059 or T1059.001, each for itself. Where one was executed and not blocked, the control has failed on that asset."`
	Sources    []string `yaml:"sources" json:"sources" doc:"Sources whose findings count. None: all."`
}

var technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)

func (r *reader) checkControls(doc *yaml.Node, cfg *Config) {
	names, sources := map[string]bool{}, make([]string, 0, len(cfg.Sources))
	for i := range cfg.Sources {
		sources = append(sources, cfg.Sources[i].Name)
	}
	for i := range cfg.Controls {
		c := &cfg.Controls[i]
		path := "controls[" + strconv.Itoa(i) + "]"
		r.name(doc, path+".name", c.Name, names)
		r.known(doc, path+".sources", "source", c.Sources, sources)
		if len(c.Techniques) == 0 {
			r.say(doc, path+".techniques", "names none: a control of which only people speak needs no entry")
		}
		for k, t := range c.Techniques {
			if !technique.MatchString(t) {
				r.say(doc, path+".techniques["+strconv.Itoa(k)+"]", "%q is no technique such as T1059 or T1059.001", t)
			}
		}
	}
}
