{{- define "prompt2pic.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 36 characters, so that -worker-NAME-models still fits into 63. */}}
{{- define "prompt2pic.fullname" -}}
{{- $name := include "prompt2pic.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 36 | trimSuffix "-" -}}
{{- end -}}

{{- define "prompt2pic.image" -}}
{{- with .Values.image -}}
{{- $name := ternary (printf "%s/%s" .registry .repository) .repository (ne .registry "") -}}
{{- if .digest }}{{ $name }}@{{ .digest }}{{ else }}{{ $name }}:{{ default $.Chart.AppVersion .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "prompt2pic.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "prompt2pic.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* Labels that select all pods of the release, or with `c` those of one component. */}}
{{- define "prompt2pic.selectorLabels" -}}
app.kubernetes.io/name: {{ include "prompt2pic.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .c }}
app.kubernetes.io/component: {{ .kind }}
{{- with .worker }}
prompt2pic/worker: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "prompt2pic.labels" -}}
{{ include "prompt2pic.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (root, c or suffix, labels, annotations): name, namespace, labels and annotations of a resource. */}}
{{- define "prompt2pic.metadata" -}}
{{- $suffix := .suffix | default (.c | default dict).name -}}
name: {{ include "prompt2pic.fullname" .root }}{{ with $suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "prompt2pic.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (list BASE OVER): BASE with the values of OVER, as YAML. Unlike with mergeOverwrite, false and 0 count. */}}
{{- define "prompt2pic.merged" -}}
{{- $result := deepCopy (index . 0) -}}
{{- range $key, $value := index . 1 -}}
{{- $base := get $result $key -}}
{{- if and (kindIs "map" $value) (kindIs "map" $base) -}}
{{- $value = include "prompt2pic.merged" (list $base $value) | fromYaml -}}
{{- end -}}
{{- $_ := set $result $key $value -}}
{{- end -}}
{{- toYaml $result -}}
{{- end -}}
