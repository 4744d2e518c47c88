package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

var update = flag.Bool("update", false, "write the plain manifests anew")

// kubernetesVersion is the one whose schemas are in testdata.
const kubernetesVersion = "1.31"

// render returns what the chart makes of arguments of helm template, or helm's complaint.
func render(t *testing.T, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"template", "maturity", "../helm/metrics-maturity", "--namespace", "observability", "--kube-version", kubernetesVersion}, args...)
	cmd := exec.CommandContext(t.Context(), testserver.Built(t, "helm"), args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", errors.New(complaint.String())
	}
	return out.String(), nil
}

// valueSets are the files of testdata/values: what the chart is tried with.
func valueSets(t *testing.T) []string {
	t.Helper()
	sets, err := filepath.Glob("../testdata/values/*.yaml")
	if err != nil || len(sets) < 6 {
		t.Fatalf("%d sets of values: %v", len(sets), err)
	}
	return sets
}

// documents splits what was rendered.
func documents(t *testing.T, text string) []object {
	t.Helper()
	var all []object
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if o != nil {
			all = append(all, o)
		}
	}
}

// at returns what is at a path of keys and numbers of lists, nil if there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			switch m := v.(type) {
			case object:
				v = m[key]
			case map[string]any:
				v = m[key]
			default:
				return nil
			}
		case int:
			list, ok := v.([]any)
			if !ok || key >= len(list) {
				return nil
			}
			v = list[key]
		}
	}
	return v
}

// TestChartRenders: each set of values passes helm lint and the schemas of Kubernetes, strictly.
func TestChartRenders(t *testing.T) {
	helm, kubeconform := testserver.Built(t, "helm"), testserver.Built(t, "kubeconform")
	for _, set := range valueSets(t) {
		t.Run(filepath.Base(set), func(t *testing.T) {
			if out, err := exec.CommandContext(t.Context(), helm, "lint", "--strict", "--kube-version", kubernetesVersion, "../helm/metrics-maturity", "-f", set).CombinedOutput(); err != nil {
				t.Errorf("helm lint: %v\n%s", err, out)
			}
			text, err := render(t, "-f", set)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), kubeconform, "-strict", "-summary", "-schema-location", "../testdata/schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("kubeconform: %v\n%s", err, out)
			}
		})
	}
}

// pods are the pod specifications among documents.
func pods(docs []object) []any {
	var specs []any
	for _, d := range docs {
		switch d["kind"] {
		case "CronJob":
			specs = append(specs, at(d, "spec", "jobTemplate", "spec", "template", "spec"))
		case "Deployment":
			specs = append(specs, at(d, "spec", "template", "spec"))
		}
	}
	return specs
}

// TestPodsAreHarmless: whatever the values, the pod runs as nobody, on a read-only root, without privileges, and talks to the
// Kubernetes API only if it must.
func TestPodsAreHarmless(t *testing.T) {
	for _, set := range valueSets(t) {
		text, err := render(t, "-f", set)
		if err != nil {
			t.Fatal(err)
		}
		docs := documents(t, text)
		specs, want := pods(docs), 1
		if strings.Contains(set, "shards") {
			want = 2
		}
		if len(specs) != want {
			t.Fatalf("%s: %d pods, want %d", set, len(specs), want)
		}
		for _, spec := range specs {
			harmless(t, set, spec)
		}
		for _, d := range docs {
			if kind := d["kind"].(string); strings.HasPrefix(kind, "ClusterRole") && !strings.Contains(set, "everywhere") {
				t.Errorf("%s: %s: rights for the whole cluster", set, kind)
			}
			if d["kind"] == "CronJob" && at(d, "spec", "concurrencyPolicy") != "Forbid" {
				t.Errorf("%s: two runs at once", set)
			}
		}
	}
}

// harmless holds what every pod must be.
func harmless(t *testing.T, set string, spec any) {
	t.Helper()
	for _, want := range []struct {
		path  []any
		value any
	}{
		{[]any{"securityContext", "runAsNonRoot"}, true},
		{[]any{"securityContext", "runAsUser"}, 65532},
		{[]any{"securityContext", "seccompProfile", "type"}, "RuntimeDefault"},
		{[]any{"containers", 0, "securityContext", "readOnlyRootFilesystem"}, true},
		{[]any{"containers", 0, "securityContext", "allowPrivilegeEscalation"}, false},
		{[]any{"containers", 0, "securityContext", "capabilities", "drop", 0}, "ALL"},
		{[]any{"containers", 1}, nil},
		{[]any{"automountServiceAccountToken"}, !strings.Contains(set, "5-files")},
	} {
		if got := at(spec, want.path...); got != want.value {
			t.Errorf("%s: %v is %v, want %v", set, want.path, got, want.value)
		}
	}
	if at(spec, "containers", 0, "resources", "limits", "memory") == nil {
		t.Errorf("%s: memory has no limit", set)
	}
}

// TestRights: pods and their logs may be read in the namespaces that sources name, and nowhere else.
func TestRights(t *testing.T) {
	text, err := render(t, "-f", "../testdata/values/3-pod-logs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var namespaces []string
	for _, d := range documents(t, text) {
		if d["kind"] == "Role" && strings.HasSuffix(at(d, "metadata", "name").(string), "-read") {
			namespaces = append(namespaces, at(d, "metadata", "namespace").(string))
		}
	}
	if want := []string{"mimir", "monitoring"}; !slices.Equal(namespaces, want) {
		t.Errorf("rights to read pods in %v, want %v", namespaces, want)
	}
	if text, err = render(t, "-f", "../testdata/values/5-files-tls.yaml"); err != nil || strings.Contains(text, "kind: Role") {
		t.Errorf("rights though none are needed: %v", err)
	}
}

// TestImages: rules from git need an image with git, unless one is chosen.
func TestImages(t *testing.T) {
	for set, want := range map[string]string{
		"1-cronjob-loki.yaml": "ghcr.io/metrics-maturity/metrics-maturity:0.1.0", "2-deployment-git.yaml": "ghcr.io/metrics-maturity/metrics-maturity:0.1.0-git",
		"6-names.yaml": "registry.example.org/mm@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	} {
		text, err := render(t, "-f", "../testdata/values/"+set)
		if err != nil {
			t.Fatal(err)
		}
		if got := at(pods(documents(t, text))[0], "containers", 0, "image"); got != want {
			t.Errorf("%s: image %v, want %s", set, got, want)
		}
	}
}

// TestWrongValues: each says what is wrong, where, and what to do.
func TestWrongValues(t *testing.T) {
	const base = "../testdata/values/1-cronjob-loki.yaml"
	for _, wrong := range []struct{ set, want string }{
		{"mode=job", "at '/mode': value must be one of 'cronjob', 'deployment'"},
		{"imag.tag=1", "additional properties 'imag' not allowed"},
		{"image.pullPolicy=Sometimes", "at '/image/pullPolicy'"},
		{"image.digest=sha256:12", "at '/image/digest'"},
		{"cronjob.schedule=daily", "at '/cronjob/schedule'"},
		{"cronjob.shards=0", "at '/cronjob/shards'"},
		{"cronjob.shards=2", "cronjob.shards above 1 needs store.kind postgresql"},
		{"deployment.port=80", "at '/deployment/port'"},
		{"deployment.webConfig.scheme=ftp", "at '/deployment/webConfig/scheme'"},
		{"store.kind=mysql", "at '/store/kind': value must be one of 'sqlite', 'postgresql'"},
		{"store.kind=postgresql", "store.postgresql.existingSecret is not set"},
		{"store.sqlite.size=big", "at '/store/sqlite/size'"},
		{"resources.limits.memory=lots", "at '/resources/limits/memory'"},
		{"hashKey.existingSecret=", "hashKey.existingSecret is not set"},
		{"config.sources=null", "at '/config/sources'"},
		{"config.store.url=sqlite:x", "config.store.url is set by the chart"},
		{"config.privacy.hash_key_file=x", "config.privacy.hash_key_file is set by the chart"},
		{"config.privacy.old_hash_key_files[0]=x", "config.privacy.old_hash_key_files is set by the chart"},
		{"hashKey.oldSecrets[0]=", "at '/hashKey/oldSecrets/0'"},
		{"ingress.enabled=true", "ingress.host is not set"},
		{"ingress.enabled=true,ingress.host=a.example.org", "ingress needs mode deployment"},
		{"serviceMonitor.enabled=true", "serviceMonitor needs mode deployment"},
		{"serviceMonitor.interval=often", "at '/serviceMonitor/interval'"},
		{"secretMounts[0].secret=a", "missing property 'mountPath'"},
		{"networkPolicy.egressPorts[0]=https", "at '/networkPolicy/egressPorts/0'"},
		{"terminationGracePeriodSeconds=0", "at '/terminationGracePeriodSeconds'"},
	} {
		if _, err := render(t, "-f", base, "--set", wrong.set); err == nil || !strings.Contains(err.Error(), wrong.want) {
			t.Errorf("%s: %v\nwant %s", wrong.set, err, wrong.want)
		}
	}
}

// TestProgramTakesTheConfiguration: what the chart writes as metrics-maturity.yaml, and the arguments, the program understands. It
// ends where it looks for the key, which is in the pod alone.
func TestProgramTakesTheConfiguration(t *testing.T) {
	program := filepath.Join(t.TempDir(), "metrics-maturity")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/metrics-maturity").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, set := range valueSets(t) {
		text, err := render(t, "-f", set)
		if err != nil {
			t.Fatal(err)
		}
		docs := documents(t, text)
		config := filepath.Join(t.TempDir(), "metrics-maturity.yaml")
		for _, d := range docs {
			if c, ok := at(d, "data", "metrics-maturity.yaml").(string); ok {
				if err := os.WriteFile(config, []byte(c), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, spec := range pods(docs) {
			var args []string
			for _, a := range at(spec, "containers", 0, "args").([]any) {
				if strings.HasPrefix(a.(string), "--config=") {
					a = "--config=" + config
				}
				args = append(args, a.(string))
			}
			cmd := exec.CommandContext(t.Context(), program, args...)
			cmd.Env = append(os.Environ(), "METRICS_MATURITY_STORE_URL=sqlite:"+filepath.Join(t.TempDir(), "db"), "JOB_COMPLETION_INDEX=0")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "hash key file /etc/metrics-maturity/key/") {
				t.Errorf("%s: %v: %v\n%s", set, args, err, out)
			}
		}
	}
}

// TestPlainManifests: those without Helm get what the chart renders.
func TestPlainManifests(t *testing.T) {
	for file, set := range map[string]string{"cronjob.yaml": "1-cronjob-loki.yaml", "deployment.yaml": "2-deployment-git.yaml"} {
		got, err := render(t, "-f", "../testdata/values/"+set)
		if err != nil {
			t.Fatal(err)
		}
		got = "# Rendered from deploy/helm/metrics-maturity: put your metrics-maturity.yaml into the ConfigMap, and make the secrets it names.\n" + got
		path := filepath.Join("..", "kubernetes", file)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := read(t, path); got != want {
			t.Errorf("deploy/kubernetes/%s is not what the chart renders\nhint: go test ./deploy/gen -run Plain -update", file)
		}
	}
}

// TestReadmeRenders: whoever copies README.md's values and its command gets manifests that Kubernetes takes.
func TestReadmeRenders(t *testing.T) {
	readme := read(t, "../../README.md")
	_, values, ok := strings.Cut(readme, "```yaml\n# values.yaml\n")
	values, _, ended := strings.Cut(values, "```")
	command := regexp.MustCompile(`(?m)^helm template .*? > manifests.yaml`).FindString(readme)
	if !ok || !ended || command == "" {
		t.Fatal("README.md shows no values, or no command")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	command = strings.ReplaceAll(command, "deploy/helm", filepath.Join(root, "deploy", "helm")) + " --kube-version " + kubernetesVersion
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", strings.Replace(command, "helm", testserver.Built(t, "helm"), 1)+"\n"+
		testserver.Built(t, "kubeconform")+" -strict -schema-location '"+root+"/deploy/testdata/schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json' manifests.yaml")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}
