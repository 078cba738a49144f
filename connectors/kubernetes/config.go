package kubernetes

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one cluster.
type Config struct {
	URL         string        `yaml:"url" json:"url,omitempty" doc:"Address of the API server."`
	Token       secret.String `yaml:"token" json:"token,omitzero" doc:"Token of a service account that may get and list."`
	Cluster     string        `yaml:"cluster" json:"cluster,omitempty" doc:"Name of the cluster. Sources of one cluster that give it the same name, such as Trivy Operator and kubescape, know its objects as the same ones; without it, they are this source's own."`
	Zone        string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the nodes. Addresses and bare host names are only compared inside one zone."`
	OwnerLabels []string      `yaml:"owner_labels" json:"owner_labels,omitempty" doc:"Labels and annotations that name an owner, beside those called team, owner and the like: acme.example/unit."`
	Pods        bool          `yaml:"pods" json:"pods" doc:"Whether pods are read: they say which images run where."`
	Page        int           `yaml:"page" json:"page,omitempty" doc:"Objects per page, 1 to 1000."`
}

const mostPerPage = 1000

func defaults() *Config { return &Config{Pods: true, Page: 250} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	if strings.Contains(c.Cluster, "|") {
		problems = append(problems, errors.New("cluster: holds a |"))
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL != "" && c.Token.Empty() {
		problems = append(problems, errors.New("token: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A source for each cluster. To pull, the token of a service account with a cluster role that may list namespaces, nodes, pods, services, deployments, statefulsets, daemonsets and ingresses, and nothing else: no secrets, no config maps. " +
		"The server's certificate has to be one that the system trusts (`SSL_CERT_FILE` can name a cluster's own authority). Otherwise the output of `kubectl get namespaces,nodes,pods,services,deployments,statefulsets,daemonsets,ingresses -A -o json`.",
	Maps: "Nodes are hosts, known by their name, the cloud's instance, system UUID and addresses. Workloads, services, ingresses and namespaces are cloud resources, known by kind, namespace and name inside the `cluster`, as Trivy Operator and kubescape name them where theirs is the same. A pod is an ephemeral part of its workload that runs on its node and is an instance of " +
		"its images, by their digests. Each host name of an ingress is a web application that depends on it. Ingresses and services of the type LoadBalancer face the internet, unless an annotation calls them internal or all their addresses are private. " +
		"Labels and annotations named team, owner, squad, contact or maintainer, under any prefix, and `owner_labels` are clues to the owner.",
	Fixed:    "The API server knows no weaknesses.",
	Coverage: "None: an inventory says what there is, and not what is weak in it. A sync is whole when every list was read to its end. A pod that has succeeded or failed is gone.",
	Limits: "Spoken through a small client of our own instead of client-go, whose typed lists are held in memory whole. Environment variables, commands and annotations that repeat an object's configuration are never read. Which workload a service selects is not worked out. " +
		"AWS nodes don't name their account, so their instance IDs carry none.",
	Example: `sources:
  - name: prod-cluster
    connector: kubernetes
    config:
      url: https://k8s.example.org:6443
      token: ${env:K8S_TOKEN}
      cluster: prod
      zone: prod-vpc
`,
}
