package inventory

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/prom"
)

var testSources = dataSources{standard: "prometheus", byName: map[string]string{
	"prom": "prometheus", "Prometheus": "prometheus", "logs": "loki", "amp": "grafana-amazonprometheus-datasource", "sql": "postgres",
}}

func newExtractor() extractor {
	return extractor{fingerprint: prom.NewFingerprinter(nil).Once, sources: testSources, library: library{
		"shared": {version: 3, model: map[string]any{"type": "stat", "targets": []any{map[string]any{"expr": "library_total"}}, "libraryPanel": map[string]any{"uid": "shared"}}},
		"logs":   {version: 1, model: map[string]any{"datasource": map[string]any{"uid": "logs"}, "targets": []any{map[string]any{"expr": `{app="x"}`}}}},
	}}
}

// TestExtract: wherever an expression stands in a dashboard, its metrics are found; and those of other languages are not taken for metrics.
func TestExtract(t *testing.T) {
	for name, tt := range map[string]struct {
		model string
		want  string // metrics, by blanks
	}{
		"a panel":                 {`{"panels":[{"type":"timeseries","targets":[{"expr":"rate(a_total[5m])"},{"expr":"b"}]}]}`, "a_total b"},
		"a panel of another type": {`{"panels":[{"type":"nobody-knows","targets":[{"expr":"a"}],"options":{"x":[1]},"datasource":7}]}`, "a"},
		"old rows":                {`{"rows":[{"panels":[{"type":"graph","datasource":"Prometheus","targets":[{"expr":"a"}]}]}]}`, "a"},
		"a collapsed row":         {`{"panels":[{"type":"row","collapsed":true,"panels":[{"targets":[{"expr":"a"}]},{"type":"row","panels":[{"targets":[{"expr":"b"}]}]}]}]}`, "a b"},
		"logs":                    {`{"panels":[{"datasource":{"type":"loki","uid":"logs"},"targets":[{"expr":"{app=\"x\"} |= \"y\""},{"expr":"{app=\"x\"}"}]}]}`, ""},
		"logs by name":            {`{"panels":[{"datasource":"logs","targets":[{"expr":"rate({app=\"x\"}[5m])"}]}]}`, ""},
		"an unknown source":       {`{"panels":[{"datasource":{"uid":"gone"},"targets":[{"expr":"a"}]}]}`, "a"},
		"a source of that type":   {`{"panels":[{"datasource":{"uid":"gone","type":"loki"},"targets":[{"expr":"a"}]}]}`, ""},
		"another vendor's":        {`{"panels":[{"datasource":{"uid":"amp"},"targets":[{"expr":"a"}]}]}`, "a"},
		"mixed": {`{"panels":[{"datasource":{"uid":"-- Mixed --"},"targets":[{"datasource":{"uid":"prom"},"expr":"a"},{"datasource":{"uid":"logs"},"expr":"b"}]},
			{"datasource":"-- Mixed --","targets":[{"datasource":"logs","expr":"c"}]}]}`, "a"},
		"a source by variable": {`{"templating":{"list":[{"name":"ds","type":"datasource","query":"prometheus"},{"name":"lg","type":"datasource","query":"loki"}]},
			"panels":[{"datasource":"$ds","targets":[{"expr":"a"}]},{"datasource":{"uid":"${ds}"},"targets":[{"expr":"b"}]},{"datasource":{"uid":"${lg}"},"targets":[{"expr":"c"}]},{"datasource":"[[lg]]","targets":[{"expr":"d"}]}]}`, "a b"},
		"a library panel": {`{"panels":[{"libraryPanel":{"uid":"shared","name":"x"}},{"libraryPanel":{"uid":"logs"}},{"libraryPanel":{"uid":"gone"}},{"libraryPanel":null}]}`, "library_total"},
		"an annotation":   {`{"annotations":{"list":[{"datasource":{"uid":"prom"},"expr":"changes(a[1m])"},{"datasource":{"uid":"logs"},"target":{"expr":"b"}},{"target":{"expr":"c"}}]}}`, "a c"},
		"variables": {`{"templating":{"list":[
			{"name":"v1","type":"query","datasource":{"uid":"prom"},"query":"label_values(a{x=\"1\",y=~\"$z\"}, job)"},
			{"name":"v2","type":"query","query":{"query":"query_result(topk(3, b_total))","refId":"x"}},
			{"name":"v3","type":"query","definition":"label_values(c, le)"},
			{"name":"v4","type":"query","query":"label_values(job)"},
			{"name":"v5","type":"query","query":"metrics(.*)"},
			{"name":"v6","type":"query","query":"label_names()"},
			{"name":"v7","type":"query","datasource":"logs","query":"label_values(d, x)"},
			{"name":"v8","type":"query","datasource":"sql","query":"SELECT a FROM e"},
			{"name":"v9","type":"custom","query":"x,y"}, 7, {"name":7}]}}`, "a b_total c"},
		"a name by variable": {`{"templating":{"list":[
			{"name":"metric","type":"custom","query":"errors, slow : timeouts","current":{"value":["errors"]}},
			{"name":"part","type":"constant","query":"http","options":[{"value":"http"},{"value":"$__all"}]},
			{"name":"job","type":"query","query":"label_values(up, job)","current":{"value":"api"}}]},
			"panels":[{"targets":[{"expr":"rate(app_${metric}_total{job=~\"$job\"}[$__rate_interval])"},{"expr":"${part:raw}_[[metric]]_total"},{"expr":"sum($metric)"}]}]}`,
			"app_errors_total app_timeouts_total errors http_errors_total http_timeouts_total timeouts up"},
		"the second schema": {`{"elements":{"p":{"kind":"Panel","spec":{"data":{"kind":"QueryGroup","spec":{"queries":[
				{"kind":"PanelQuery","spec":{"query":{"kind":"DataQuery","group":"prometheus","datasource":{"name":"prom"},"spec":{"expr":"a"}}}},
				{"kind":"PanelQuery","spec":{"query":{"kind":"DataQuery","group":"loki","datasource":{"name":"logs"},"spec":{"expr":"b"}}}},
				{"kind":"PanelQuery","spec":{"datasource":{"uid":"x"},"query":{"kind":"prometheus","spec":{"expr":"c"}}}},
				{"kind":"PanelQuery","spec":{"query":{"kind":"loki","spec":{"expr":"d"}}}}]}}}},
			"q":{"kind":"LibraryPanel","spec":{"libraryPanel":{"uid":"shared"}}}},
			"variables":[{"kind":"QueryVariable","spec":{"name":"v","query":{"kind":"DataQuery","group":"prometheus","spec":{"query":"label_values(e, job)"}}}},
				{"kind":"QueryVariable","spec":{"name":"w","query":{"kind":"loki","spec":{"query":"label_values(f, job)"}}}},
				{"kind":"CustomVariable","spec":{"name":"n","query":"g","current":{"value":"g"}}}]}`, "a c e library_total"},
		"no dashboard": {`{"panels":"none","templating":[],"annotations":null}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExtractor()
			got, _, err := x.read([]byte(tt.model))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
			if got == nil {
				t.Error("the metrics of a dashboard that was read are never nil: that means unknown")
			}
		})
	}
}

// TestExtractRecorded reads a dashboard that is stored in the second schema, in each of the schemas that Grafana gives.
func TestExtractRecorded(t *testing.T) {
	for file, key := range map[string]string{
		"v2dash_legacy_api.adminSA.200.json": "dashboard", "v2dash_v1beta1_dto.adminSA.200.json": "spec", "v2dash_v2beta1_dto.adminSA.200.json": "spec",
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "12.4", file))
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		x := newExtractor()
		got, _, err := x.read(answer[key])
		if want := []string{"prometheus_http_requests_total"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", file, got, err)
		}
	}
}

func TestLibraryPanelsAreRemembered(t *testing.T) {
	x := newExtractor()
	_, used, err := x.read([]byte(`{"panels":[{"libraryPanel":{"uid":"shared"}},{"libraryPanel":{"uid":"shared"}}]}`))
	if diff := cmp.Diff(map[string]int{"shared": 3}, used); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// FuzzExtract: whatever a dashboard holds, it is read or refused; what is found are names.
func FuzzExtract(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "12.4", "*dash*.json"))
	if err != nil || len(files) < 10 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"templating":{"list":[{"name":"a","type":"custom","query":"x,y,z"},{"name":"b","type":"custom","query":"$a,$b"}]},"panels":[{"targets":[{"expr":"$a$b$a$b"}]}]}`))
	f.Add([]byte(strings.Repeat(`{"panels":[`, 200)))
	f.Fuzz(func(t *testing.T, text []byte) {
		x := newExtractor()
		names, used, err := x.read(text)
		if err != nil {
			return
		}
		if names == nil || !slices.IsSorted(names) || slices.Contains(names, "") {
			t.Errorf("%q", names)
		}
		for uid := range used {
			if _, ok := x.library[uid]; !ok {
				t.Errorf("library panel %q is not there", uid)
			}
		}
		again := newExtractor()
		if other, _, err := again.read(text); err != nil || !slices.Equal(names, other) {
			t.Errorf("%q, then %q, %v", names, other, err)
		}
	})
}
