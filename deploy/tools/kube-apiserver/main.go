// Command kube-apiserver is the real Kubernetes API server, built from its module so that
// the kubernetes connector can be tested against it. Its staging modules need the replace
// lines of go.mod, which `go install` would not see.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
