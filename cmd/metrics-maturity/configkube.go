package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
)

// kubernetesConfig says which resources of a cluster to read, and which cluster that is.
type kubernetesConfig struct {
	Namespace  string
	Selector   string        // of labels
	Container  string        // of pods; empty: see lines.Pods
	Kubeconfig string        // empty: the cluster that this runs in, else the user's own kubeconfig
	Timeout    time.Duration // of an attempt; 0: the client's own
	Tries      int           // of a request; 0: the client's own
}

// client returns how to reach the API server.
func (k *kubernetesConfig) client(log *slog.Logger) *kube.Client {
	return kube.New(kube.Config{Kubeconfig: k.Kubeconfig, Timeout: k.Timeout, Tries: k.Tries, Logger: log})
}

// resolveKubernetes reads which pods have a log; of says, in messages, whose, and line where that is written.
func resolveKubernetes(path string, line int, of string, f *kubernetesFile) (*kubernetesConfig, error) {
	c, err := resolveCluster(path, line, of, f)
	if err != nil {
		return nil, err
	}
	if c.Selector == "" {
		return nil, usageErrorf("%s:%d: %s has no selector\nhint: name the pods by their labels, as kubectl get pods -l does: selector: \"app=grafana\"", path, max(line, f.Selector.Line), of)
	}
	if why := validation.IsDNS1123Label(c.Container); c.Container != "" && len(why) > 0 {
		return nil, usageErrorf("%s:%d: container of %s: %q is not the name of a container\nhint: kubectl get pod NAME -o jsonpath='{.spec.containers[*].name}' lists them", path, f.Container.Line, of, c.Container)
	}
	return c, nil
}

// resolveResources reads which PrometheusRule resources to read.
func resolveResources(path string, line int, of string, f *kubernetesFile) (*kubernetesConfig, error) {
	if f == nil {
		return nil, usageErrorf("%s:%d: %s has no kubernetes\nhint: say where its resources are: kubernetes: {namespace: monitoring}, or \"*\" for all namespaces", path, line, of)
	}
	if f.Container.Line > 0 {
		return nil, usageErrorf("%s:%d: kubernetes of %s has a container, which PrometheusRule resources have not\nhint: remove it", path, f.Container.Line, of)
	}
	return resolveCluster(path, line, "kubernetes of "+of, f, kube.AllNamespaces)
}

// resolveCluster reads namespace, selector and kubeconfig. special are what may stand for a namespace.
func resolveCluster(path string, line int, of string, f *kubernetesFile, special ...string) (*kubernetesConfig, error) {
	c := &kubernetesConfig{
		Namespace: f.Namespace.Text, Selector: strings.TrimSpace(f.Selector.Text), Container: f.Container.Text,
		Kubeconfig: relative(filepath.Dir(path), f.Kubeconfig.Text),
	}
	if f.Timeout.Line > 0 {
		var err error
		if c.Timeout, err = parseDuration(f.Timeout.Text); err != nil {
			return nil, usageErrorf("%s:%d: timeout of %s: %w", path, f.Timeout.Line, of, err)
		}
	}
	if c.Namespace == "" {
		return nil, usageErrorf("%s:%d: %s has no namespace\nhint: name the one to look in: namespace: monitoring", path, max(line, f.Namespace.Line), of)
	}
	if err := checkNamespace(c.Namespace); err != nil && !slices.Contains(special, c.Namespace) {
		return nil, usageErrorf("%s:%d: namespace of %s: %w", path, f.Namespace.Line, of, err)
	}
	if _, err := labels.Parse(c.Selector); err != nil {
		return nil, usageErrorf("%s:%d: selector of %s: %q does not select by labels\nhint: write it as for kubectl get -l: app=grafana,tier!=test", path, f.Selector.Line, of, c.Selector)
	}
	return c, nil
}

func checkNamespace(name string) error {
	if len(validation.IsDNS1123Label(name)) > 0 {
		return fmt.Errorf("%q is not the name of a namespace\nhint: kubectl get namespaces lists them", name)
	}
	return nil
}
