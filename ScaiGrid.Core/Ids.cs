namespace ScaiGrid.Core;

/// <summary>Prefixed, time-sortable ids: <c>usr_01J8…</c>, a ULID after the prefix, ASCII, at most 40 characters.</summary>
public static class Ids
{
    /// <summary>The length of id columns in the database.</summary>
    public const int MaxLength = 40;

    private const int UlidLength = 26;

    public const string Partner = "prt";
    public const string Tenant = "tnt";
    public const string User = "usr";
    public const string Group = "grp";
    public const string RoleMapping = "rmap";
    public const string CustomRole = "role";
    public const string ApiKey = "apikey";
    public const string Provider = "prov";
    public const string Backend = "be";
    public const string Model = "mdl";
    public const string ModelGroup = "mgrp";
    public const string ModelAccess = "macc";
    public const string Usage = "usage";
    public const string Budget = "bdg";
    public const string Request = "req";
    public const string Job = "job";
    public const string Event = "evt";
    public const string Webhook = "wh";
    public const string WebhookDelivery = "del";
    public const string Audit = "audit";
    public const string File = "file";
    public const string Batch = "batch";
    public const string Session = "sess";
    public const string Room = "room";
    public const string Message = "msg";

    /// <summary>Whether a text has the form of an id with this prefix.</summary>
    public static bool IsOne(string text, string prefix) =>
        text.Length == prefix.Length + 1 + UlidLength && text.StartsWith(prefix, StringComparison.Ordinal) && text[prefix.Length] == '_'
        && Ulid.TryParse(text.AsSpan(prefix.Length + 1), out _);

    public static string New(string prefix, TimeProvider time) => $"{prefix}_{Ulid.NewUlid(time.GetUtcNow())}";
}
