{{- /* Environment of a gateway: what is kept of visits, of what staff do, and of addresses. */}}
{{- define "teleward.books.environment" -}}
{{- with .Values.gateway -}}
- name: TELEWARD_RETENTION_S
  value: {{ .retentionSeconds | int | quote }}
- name: TELEWARD_AUDIT_RETENTION_DAYS
  value: {{ .audit.retentionDays | int | quote }}
{{- if .audit.ship }}
- name: TELEWARD_AUDIT_SINK
  value: /dev/stdout
{{- end }}
- name: TELEWARD_REPORTS_RETENTION_DAYS
  value: {{ .reports.retentionDays | int | quote }}
- name: TELEWARD_REPORTS_LEAST
  value: {{ .reports.least | int | quote }}
- name: TELEWARD_LIMIT_FACTOR
  value: {{ .limitFactor | float64 | quote }}
{{- with .trustedProxies }}
- name: TELEWARD_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- end }}
