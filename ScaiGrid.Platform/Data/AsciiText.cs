using System.Text;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Converts values that are compared with an ASCII column: characters outside ASCII become question marks, which no id contains. MariaDB would
/// refuse the comparison ("illegal mix of collations"), so that an invented id would cause an internal error instead of "not found".
/// </summary>
internal sealed class AsciiText() : ValueConverter<string, string>(text => Replace(text), stored => stored)
{
    private static string Replace(string text) => Ascii.IsValid(text) ? text : Encoding.ASCII.GetString(Encoding.ASCII.GetBytes(text));
}
