{{/* What every pod of ours has: Pod Security "restricted", no service links (they would look like our settings). */}}
{{- define "teleward.pod" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* What every container of ours has. */}}
{{- define "teleward.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Where a site wants the pods. Call with .Values.x. */}}
{{- define "teleward.placement" -}}
{{- with .image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Replicas apart, if the cluster has room for it. Call with (list $ "component"). */}}
{{- define "teleward.spread" -}}
{{- $root := . -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "teleward.selector" $root | nindent 8 }}
  {{- end }}
{{- end }}

{{/* The routing state's address, from its Secret. Call with the root. */}}
{{- define "teleward.redisUrl" -}}
- name: TELEWARD_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.redis.existingSecret }}
      key: url
{{- end }}

{{/* Egress that every component needs: names and the routing state. Call with the root. */}}
{{- define "teleward.egress" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
- ports:
    - {protocol: TCP, port: {{ .Values.redis.port }}}
  {{- if .Values.redis.included }}
  to:
    - podSelector:
        matchLabels:
          {{- include "teleward.selector" (list . "redis") | nindent 10 }}
  {{- end }}
{{- end }}
