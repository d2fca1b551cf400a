-- One row: a child × a channel × a destination at which it may be told, opted out or not.
-- The preferred method picks the channels; if none of them is usable, all that are usable.
CREATE OR REPLACE TABLE attendance.destinations AS
WITH wanted AS (
    SELECT
        contacts.*,
        coalesce(contacts.primary_phone, contacts.secondary_phone) IS NOT NULL AS has_phone,
        coalesce(contacts.primary_email, contacts.secondary_email) IS NOT NULL AS has_email,
        CASE children.preferred_contact_method
            WHEN 'text' THEN ['sms']
            WHEN 'phone' THEN ['voice']
            WHEN 'email' THEN ['email']
            WHEN 'all' THEN ['sms', 'voice', 'email']
            ELSE $default_channels::VARCHAR[]
        END AS channels
    FROM attendance.children AS children
    INNER JOIN attendance.contacts AS contacts USING (student_id)
),

chosen AS (
    SELECT
        * EXCLUDE (channels, has_phone, has_email),
        CASE
            WHEN has_email AND list_contains(channels, 'email') THEN channels
            WHEN has_phone AND list_has_any(channels, ['sms', 'voice']) THEN channels
            ELSE ['sms', 'voice', 'email']
        END AS channels
    FROM wanted
),

-- One row: a child × a phone or e-mail. Two contacts may share one.
reachable AS (
    SELECT
        student_id,
        channels,
        'phone' AS kind,
        primary_phone AS destination,
        primary_name AS contact_name,
        CASE WHEN secondary_phone = primary_phone THEN secondary_name END AS other_contact_name
    FROM chosen
    UNION ALL
    SELECT
        student_id,
        channels,
        'phone' AS kind,
        secondary_phone AS destination,
        secondary_name AS contact_name,
        NULL AS other_contact_name
    FROM chosen
    WHERE secondary_phone IS DISTINCT FROM primary_phone
    UNION ALL
    SELECT
        student_id,
        channels,
        'email' AS kind,
        primary_email AS destination,
        primary_name AS contact_name,
        CASE WHEN secondary_email = primary_email THEN secondary_name END AS other_contact_name
    FROM chosen
    UNION ALL
    SELECT
        student_id,
        channels,
        'email' AS kind,
        secondary_email AS destination,
        secondary_name AS contact_name,
        NULL AS other_contact_name
    FROM chosen
    WHERE secondary_email IS DISTINCT FROM primary_email
),

addressed AS (
    SELECT
        student_id,
        destination,
        contact_name,
        other_contact_name,
        hashed(destination) AS destination_hash,
        unnest(
            CASE kind
                WHEN 'email' THEN list_filter(channels, lambda channel: channel = 'email')
                ELSE list_filter(channels, lambda channel: channel <> 'email')
            END
        ) AS channel
    FROM reachable
    WHERE destination IS NOT NULL
)

SELECT
    addressed.*,
    opt_outs.destination IS NOT NULL AS is_opted_out
FROM addressed
LEFT JOIN attendance.opt_outs AS opt_outs USING (channel, destination);
