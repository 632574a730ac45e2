using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core.Audit;
using ScaiGrid.Platform.Sessions;

namespace ScaiGrid.Platform.Rooms;

/// <summary>A conversation of several users of a tenant; models can be members as well.</summary>
internal sealed class Room
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string Name { get; set; }

    /// <summary>The system prompt of its models.</summary>
    [Private]
    public string? SystemPrompt { get; set; }

    [Private]
    public required string Metadata { get; set; }

    /// <summary>What it takes with its messages, see <see cref="ConversationLimits"/>.</summary>
    public long Bytes { get; set; }

    public required string CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class RoomMember
{
    public required string RoomId { get; init; }

    /// <summary><c>user</c> or <c>model</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The user's id, or the model's slug.</summary>
    public required string Member { get; init; }

    public required string Role { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}

internal static class RoomMemberType
{
    public const string User = "user";
    public const string Model = "model";
}

internal static class RoomRole
{
    /// <summary>May change the room and its members.</summary>
    public const string Owner = "owner";

    public const string Member = "member";

    /// <summary>May only read.</summary>
    public const string Viewer = "viewer";
}

internal sealed class RoomConfiguration : IEntityTypeConfiguration<Room>
{
    public void Configure(EntityTypeBuilder<Room> builder)
    {
        builder.ToTable("rooms");
        builder.HasIndex(room => new { room.TenantId, room.Id });
        builder.HasIndex(room => new { room.TenantId, room.Bytes });
    }
}

internal sealed class RoomMemberConfiguration : IEntityTypeConfiguration<RoomMember>
{
    public void Configure(EntityTypeBuilder<RoomMember> builder)
    {
        builder.ToTable("room_members");
        builder.HasKey(member => new { member.RoomId, member.Type, member.Member });
        builder.HasIndex(member => new { member.Member, member.RoomId });
    }
}
